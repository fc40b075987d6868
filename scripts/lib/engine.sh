# engine.sh - a container engine: the one that runs here, or one of our own that leaves nothing behind
# but its images in $engine_dir, which make the next run fast.
# shellcheck shell=bash
# Sourced by scripts/test and scripts/test-compose, after packages.sh, unstable.sh and servers.sh; bash,
# in the top folder.

engine_dir=$PWD/build-compose
engine_run=

# Does one run, or can one be started without getting anything first?
engine_at_hand() {
	docker info >/dev/null 2>&1 || { [ "$(id -u)" -eq 0 ] && command -v dockerd >/dev/null; }
}

# Make DOCKER_HOST lead to an engine. 1: there is none and none can be started; says why.
engine_ensure() {
	if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
		packages_compose
		return
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "no container engine runs, and only root can start one" >&2
		return 1
	fi
	packages_ensure engine || return 1
	plugin_ensure || echo "no docker compose 2: what asks for it is not run" >&2
	engine_start
}

# Either of the two programs will do.
packages_compose() {
	docker-compose version >/dev/null 2>&1 || docker compose version >/dev/null 2>&1 ||
		packages_ensure engine
}

# Debian 12 has docker-compose 1.29 alone. `docker compose` 2, a plugin that needs nothing else, is
# unpacked from Debian unstable, for an engine of our own, which needs no configuration but this.
plugin_ensure() {
	local folder=$engine_dir/compose-2
	! docker compose version >/dev/null 2>&1 || return 0
	mkdir -p "$engine_dir/config/cli-plugins"
	unstable_ensure "$folder" docker-compose || return 1
	ln -sfn "$folder/usr/libexec/docker/cli-plugins/docker-compose" "$engine_dir/config/cli-plugins/"
	export DOCKER_CONFIG=$engine_dir/config
	docker compose version >/dev/null 2>&1
}

# Its containers reach each other over the bridge of their network and the host by published ports,
# through a program; the rules and routes of the host stay as they are. Builds use the host's network.
engine_start() {
	# A path of sockets must be short.
	engine_run=$(mktemp -d /tmp/relevo-engine.XXXXXX)
	mkdir -p "$engine_dir"
	setsid dockerd --data-root "$engine_dir/engine" --exec-root "$engine_run/exec" \
		--pidfile "$engine_run/pid" -H "unix://$engine_run/sock" --bridge=none \
		--iptables=false --ip6tables=false --ip-forward=false </dev/null >"$engine_run/log" 2>&1 &
	echo $! >"$engine_run/child"
	export DOCKER_HOST=unix://$engine_run/sock
	if ! wait_for 300 engine_answers_or_ended || ! docker info >/dev/null 2>&1; then
		echo "dockerd does not start: $(tail -n 1 "$engine_run/log")" >&2
		engine_stop
		return 1
	fi
}

engine_answers_or_ended() {
	docker info || process_gone "$(cat "$engine_run/child")"
}

# End the engine if it is ours.
engine_stop() {
	[ -n "$engine_run" ] || return 0
	end_process "$engine_run/child" "$engine_run/sock" 30
	# What dockerd leaves mounted.
	umount "$engine_run"/exec/netns/* 2>/dev/null
	rm -rf "$engine_run"
	engine_run=
}

# The base image: pulled, or made of Debian's packages where no registry can be reached, without the
# files that Debian's own slim image lacks as well. A proxy that this machine trusts may stand between
# the builds and npm's registry: they trust it too, Node by its variable.
engine_base_image() {
	local image=debian:bookworm-slim root=$engine_dir/root
	if docker image inspect $image >/dev/null 2>&1 || timeout 60 docker pull -q $image >/dev/null 2>&1; then
		return
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "no registry, and only root can make $image" >&2
		return 1
	fi
	packages_ensure bootstrap || return 1
	echo "making $image of Debian's packages" >&2
	rm -rf "$root"
	mkdir -p "$engine_dir"
	debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian >"$engine_dir/root.log" ||
		return 1
	rm -rf "$root"/usr/share/{doc,info,locale,man}/* "$root"/var/cache/apt/* \
		"$root"/var/lib/apt/lists/* "$root"/var/log/*
	# As in Debian's own image: dpkg need not wait for the disk.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
	mkdir -p "$root/usr/local/share/ca-certificates"
	find /usr/local/share/ca-certificates -name '*.crt' \
		-exec cp -t "$root/usr/local/share/ca-certificates" {} + 2>/dev/null
	tar -C "$root" -c . | docker import \
		--change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' - $image >/dev/null ||
		return 1
	rm -rf "$root"
}
