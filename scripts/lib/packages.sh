# packages.sh - installs the Debian packages a script needs, and only those that are missing.
# shellcheck shell=bash
# Sourced by the scripts; bash. Asks apt for nothing when everything is there.

# Debian has its servers, mariadbd and nginx, where only root's PATH leads.
case :$PATH: in
*:/usr/sbin:*) ;;
*) PATH=$PATH:/usr/sbin ;;
esac

# The packages of one group.
packages_of() {
	case $1 in
	build) echo cmake ninja-build gcc libc6-dev pkg-config libmicrohttpd-dev libhiredis-dev \
		libmariadb-dev libmariadb-dev-compat libjansson-dev libssl-dev libcmocka-dev ;;
	servers) echo mariadb-server mariadb-client redis-server curl ;;
	proxy) echo nginx-light ;;
	verify) echo python3 ;;
	tests) echo gcc libc6-dev python3 python3-pytest python3-pytest-timeout python3-pytest-xdist \
		python3-pymysql python3-cryptography python3-redis python3-requests python3-jsonschema \
		python3-fastjsonschema systemd man-db mandoc ;;
	checks) echo clang clang-format clang-tidy cppcheck shellcheck ;;
	unstable) echo mmdebstrap ;;
	engine) echo docker.io docker-compose iptables ;;
	bootstrap) echo debootstrap ;;
	dashboard) echo nodejs npm ;;
	browser) echo chromium fonts-dejavu-core ;;
	bench) echo wrk nodejs ;;
	*) echo "packages.sh: no group '$1'" >&2; return 1 ;;
	esac
}

# Of the packages named, those that are not installed.
packages_missing() {
	local name
	for name in "$@"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
			echo "$name"
		fi
	done
}

# How to run a command as root, into the caller's as_root: by sudo, where it asks nothing or there is
# a terminal. False: not at all.
packages_root() {
	as_root=()
	[ "$(id -u)" -ne 0 ] || return 0
	as_root=(sudo)
	command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# Install what is missing of the groups named.
packages_ensure() {
	local group wanted=() missing=()
	for group in "$@"; do
		# shellcheck disable=SC2207 # package names hold no blanks
		wanted+=($(packages_of "$group")) || return 1
	done
	mapfile -t missing < <(packages_missing "${wanted[@]}")
	if [ ${#missing[@]} -eq 0 ]; then
		return 0
	fi
	if ! command -v apt-get >/dev/null; then
		echo "missing packages (Debian names): ${missing[*]}" >&2
		return 1
	fi
	local as_root
	packages_root || {
		echo "missing packages, please run as root: apt-get install ${missing[*]}" >&2
		return 1
	}
	echo "installing ${missing[*]}" >&2
	packages_install "${missing[@]}"
}

# Install with services held back: a server package must not start a server of its own. Uses the
# caller's as_root.
packages_install() {
	local policy=/usr/sbin/policy-rc.d made=no status=0
	local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
		"${as_root[@]}" chmod 755 $policy
		made=yes
	fi
	{ "${as_root[@]}" "${quiet[@]}" update &&
		"${as_root[@]}" "${quiet[@]}" install -y --no-install-recommends "$@"; } >&2 || status=1
	if [ $made = yes ]; then
		"${as_root[@]}" rm -f $policy
	fi
	return $status
}
