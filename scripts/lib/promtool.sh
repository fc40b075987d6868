# promtool.sh - promtool of Debian's package prometheus, without the server and what that pulls in.
# shellcheck shell=bash
# Sourced by the scripts, after packages.sh; bash.

# promtool in the PATH, or unpacked into build-promtool/; exports RELEVO_PROMTOOL.
promtool_ensure() {
	local folder=$PWD/build-promtool
	RELEVO_PROMTOOL=$(command -v promtool) || RELEVO_PROMTOOL=$folder/promtool
	export RELEVO_PROMTOOL
	[ ! -x "$RELEVO_PROMTOOL" ] || return 0
	echo "unpacking promtool into $folder" >&2
	rm -rf "$folder.new"
	mkdir "$folder.new" &&
		promtool_unpack "$folder.new" &&
		rm -rf "$folder" &&
		mv "$folder.new" "$folder"
}

# The lists of packages may be missing, or older than the archive.
promtool_unpack() {
	(
		cd "$1" || exit 1
		local as_root
		apt-get -qq download prometheus 2>/dev/null || {
			packages_root && "${as_root[@]}" apt-get -qq update &&
				apt-get -qq download prometheus
		} || exit 1
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool &&
			rm prometheus_*.deb
	) >&2
}
