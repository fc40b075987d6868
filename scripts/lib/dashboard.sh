# dashboard.sh - Node, the packages of the dashboard and of the API's reference, and the build of both
# into build/dashboard.
# shellcheck shell=bash
# Sourced by the scripts, after packages.sh; bash, in the top folder. Does nothing when all is there.

dashboard_out=build/dashboard

# Node 18 or newer and npm, whichever way they came here; Debian's if there are none.
dashboard_node() {
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		packages_ensure dashboard || return 1
	fi
	local version
	version=$(node --version)
	version=${version#v}
	if [ "${version%%.*}" -lt 18 ]; then
		echo "the dashboard needs Node 18 or newer, this is $version" >&2
		return 1
	fi
}

# node_modules of folder $1 as its lock file says; installed again only when that changed. The rest
# are options of npm that leave something out: with everything there nothing is missing.
node_packages() {
	local folder=$1 lock present
	local stamp=$folder/node_modules/.relevo-lock
	shift
	if [ ! -f "$folder/package-lock.json" ]; then
		echo "$folder/package-lock.json is missing" >&2
		return 1
	fi
	dashboard_node || return 1
	lock=$(sha256sum <"$folder/package-lock.json")
	present=$(cat "$stamp" 2>/dev/null)
	if [ "$present" = "$lock" ] || [ "$present" = "$lock${*:+ $*}" ]; then
		return 0
	fi
	echo "installing the packages of $folder" >&2
	(cd "$folder" && npm ci --no-audit --no-fund --loglevel=error "$@") >&2 || return 1
	echo "$lock${*:+ $*}" >"$stamp"
}

dashboard_packages() {
	node_packages frontend
}

# The renderer of the reference.
reference_packages() {
	node_packages docs/reference --omit=dev
}

# Is anything that the build is made from newer than it?
dashboard_stale() {
	local page=$dashboard_out/index.html
	[ ! -f $page ] || [ ! -f $dashboard_out/docs/index.html ] ||
		[ -n "$(find docs/openapi.json docs/reference frontend -newer $page \
			-not -path '*/node_modules/*' -type f -print -quit)" ]
}

# The browsable reference of the API: a page, its renderer and the description, also compressed. It is
# no part of the dashboard's bundle.
reference_build() {
	local out=$dashboard_out/docs renderer=docs/reference/node_modules/swagger-ui-dist
	reference_packages || return 1
	rm -rf "$out.new"
	mkdir "$out.new" || return 1
	cp docs/openapi.json docs/reference/index.html docs/reference/reference.js \
		$renderer/swagger-ui-bundle.js $renderer/swagger-ui-bundle.js.LICENSE.txt \
		$renderer/swagger-ui.css $renderer/LICENSE $renderer/NOTICE "$out.new" || return 1
	# Names the map of sources that is not there, which browsers would ask for.
	sed -i '/^[/][/*]# sourceMappingURL=/d' "$out.new"/swagger-ui* || return 1
	gzip -9 -n -k "$out.new"/*.js "$out.new"/*.css "$out.new"/*.json || return 1
	mv "$out.new" "$out"
}

dashboard_build() {
	dashboard_stale || return 0
	dashboard_packages || return 1
	(cd frontend && npm run --silent generate >/dev/null && npm run --silent build -- --logLevel warn) >&2 &&
		reference_build
}
