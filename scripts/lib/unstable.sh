# unstable.sh - packages of Debian unstable, unpacked into a folder of their own: what is too new for
# the system is tried from there.
# shellcheck shell=bash
# Sourced by the scripts, after packages.sh; bash.

# Unpack packages $2.. with all they need into folder $1, unless it is there. Nothing is configured
# and nothing of the system changed.
unstable_ensure() {
	local folder=$1 packages
	shift
	[ ! -d "$folder" ] || return 0
	packages_ensure unstable || return 1
	packages=$(IFS=, && echo "$*")
	echo "unpacking $* of Debian unstable into $folder" >&2
	rm -rf "$folder.new"
	mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
		--include="base-files,$packages" unstable "$folder.new" >&2 || {
		rm -rf "$folder.new"
		return 1
	}
	mv "$folder.new" "$folder"
}

# Let the compiler and pkg-config take headers and libraries from folder $1 alone; what they make
# runs here, with the loader and the libraries of that folder.
unstable_compile() {
	local libraries=$1/usr/lib/x86_64-linux-gnu
	export PKG_CONFIG_SYSROOT_DIR=$1 PKG_CONFIG_LIBDIR=$libraries/pkgconfig:$1/usr/share/pkgconfig
	export PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 CFLAGS="--sysroot=$1"
	export LDFLAGS="-B$libraries -L$libraries -Wl,--disable-new-dtags,-rpath,$libraries"
	LDFLAGS+=" -Wl,--dynamic-linker=$1/lib64/ld-linux-x86-64.so.2"
}
