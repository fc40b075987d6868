# dashboard.sh - Node, the dashboard's packages, and its build into build/dashboard.
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

# frontend/node_modules as the lock file says; installed again only when that changed.
dashboard_packages() {
	local lock stamp=frontend/node_modules/.relevo-lock
	dashboard_node || return 1
	lock=$(sha256sum <frontend/package-lock.json)
	if [ "$(cat $stamp 2>/dev/null)" = "$lock" ]; then
		return 0
	fi
	echo "installing the packages of the dashboard" >&2
	(cd frontend && npm ci --no-audit --no-fund --loglevel=error) >&2 || return 1
	echo "$lock" >$stamp
}

# Is anything that the build is made from newer than it?
dashboard_stale() {
	local page=$dashboard_out/index.html
	[ ! -f $page ] || [ -n "$(find docs/openapi.json frontend -newer $page \
		-not -path 'frontend/node_modules/*' -type f -print -quit)" ]
}

dashboard_build() {
	dashboard_stale || return 0
	dashboard_packages || return 1
	(cd frontend && npm run --silent generate >/dev/null && npm run --silent build -- --logLevel warn) >&2
}
