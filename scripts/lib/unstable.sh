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
