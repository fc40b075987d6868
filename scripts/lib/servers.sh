# servers.sh - the private MariaDB and Redis of scripts/run: set up, start, stop.
# shellcheck shell=bash
# Sourced; bash. Everything lies below $run_dir; a server is known by its pid file and ended only
# if the process with that pid really is ours.

run_dir=${RELEVO_RUN_DIR:-$PWD/.run}
state_file=$run_dir/state

# Is something listening on this loopback port?
port_busy() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A free loopback port at or above $1, below the range the kernel gives to clients.
free_port() {
	local port=$1
	while port_busy "$port"; do
		port=$((port + 1))
	done
	echo "$port"
}

# $1 times a tenth of a second, until the rest of the command line succeeds.
wait_for() {
	local tenths=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		tenths=$((tenths - 1))
		[ $tenths -gt 0 ] || return 1
		sleep 0.1
	done
}

# The pid in file $1, if that process runs and has $2 on its command line.
live_pid() {
	local pid
	pid=$(cat "$1" 2>/dev/null) || return 1
	[ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2" || return 1
	echo "$pid"
}

# SIGTERM to the process of pid file $1 (known by $2), SIGKILL if it is there $3 seconds later.
end_process() {
	local pid
	pid=$(live_pid "$1" "$2") || return 0
	kill -TERM "$pid" 2>/dev/null || true
	kill -CONT "$pid" 2>/dev/null || true
	if ! wait_for $(($3 * 10)) process_gone "$pid"; then
		kill -KILL "$pid" 2>/dev/null || true
	fi
	rm -f "$1"
}

process_gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

state_get() {
	sed -n "s/^$1=//p" "$state_file" 2>/dev/null | tail -n 1
}

state_set() {
	local rest=
	rest=$(grep -v "^$1=" "$state_file" 2>/dev/null) || true
	(umask 077 && printf '%s\n' ${rest:+"$rest"} "$1=$2" >"$state_file.new")
	mv "$state_file.new" "$state_file"
}

# The account mariadbd runs under: mysql if it can reach the data, else root itself.
mysql_account() {
	if [ "$(id -u)" -ne 0 ]; then
		id -un
	elif setpriv --reuid mysql --regid mysql --clear-groups test -x "$run_dir" 2>/dev/null; then
		echo mysql
	else
		echo root
	fi
}

# Write the configuration for port $1; make the data folder the first time.
mysql_prepare() {
	local account
	account=$(mysql_account)
	mkdir -p "$run_dir/mysql" "$run_dir/mysql-tmp" "$run_dir/log"
	cat >"$run_dir/mysql.init.sql" <<-SQL
		CREATE DATABASE IF NOT EXISTS relevo CHARACTER SET utf8mb4;
		CREATE USER IF NOT EXISTS relevo@'%' IDENTIFIED BY 'relevo';
		GRANT ALL ON relevo.* TO relevo@'%';
	SQL
	# The socket is relative to the data folder: its full path may be too long for a socket.
	cat >"$run_dir/mysql.cnf" <<-CNF
		[mariadbd]
		user = $account
		datadir = $run_dir/mysql
		tmpdir = $run_dir/mysql-tmp
		bind-address = 127.0.0.1
		port = $1
		socket = mysqld.sock
		pid-file = mysqld.pid
		log-error = $run_dir/log/mysql.log
		init-file = $run_dir/mysql.init.sql
		character-set-server = utf8mb4
		innodb-flush-log-at-trx-commit = 1
		innodb-buffer-pool-size = 256M
		skip-log-bin
		skip-name-resolve
	CNF
	touch "$run_dir/log/mysql.log"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$account" "$run_dir/mysql" "$run_dir/mysql-tmp" "$run_dir/log/mysql.log"
	fi
	if [ ! -d "$run_dir/mysql/mysql" ]; then
		TMPDIR=$run_dir/mysql-tmp mariadb-install-db --no-defaults --datadir="$run_dir/mysql" --user="$account" \
			--skip-test-db --skip-name-resolve >"$run_dir/log/mysql-install.log" 2>&1 || {
			cat "$run_dir/log/mysql-install.log" >&2
			return 1
		}
	fi
}

# Start the server that mysql_prepare described; returns when it accepts connections.
mysql_start() {
	if ! live_pid "$run_dir/mysql/mysqld.pid" "$run_dir/mysql.cnf" >/dev/null; then
		setsid mariadbd --defaults-file="$run_dir/mysql.cnf" </dev/null >/dev/null 2>&1 9>&- &
	fi
	if ! wait_for 600 mysql_accepts; then
		echo "MariaDB did not start:" >&2
		tail -n 20 "$run_dir/log/mysql.log" >&2
		return 1
	fi
}

mysql_port() {
	sed -n 's/^port = //p' "$run_dir/mysql.cnf" 2>/dev/null
}

mysql_accepts() {
	mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --port="$(mysql_port)" \
		--user=relevo --password=relevo --connect-timeout=2 ping
}

mysql_stop() {
	end_process "$run_dir/mysql/mysqld.pid" "$run_dir/mysql.cnf" 30
}

# Start Redis on port $1; returns when it answers.
redis_start() {
	mkdir -p "$run_dir/redis" "$run_dir/log"
	cat >"$run_dir/redis.conf" <<-CNF
		bind 127.0.0.1
		port $1
		dir "$run_dir/redis"
		pidfile "$run_dir/redis/redis.pid"
		logfile "$run_dir/log/redis.log"
		daemonize no
		appendonly yes
		appendfsync always
		maxmemory-policy noeviction
	CNF
	setsid redis-server "$run_dir/redis.conf" </dev/null >/dev/null 2>&1 9>&- &
	echo $! >"$run_dir/redis/redis.pid"
	if ! wait_for 300 redis_answers "$1"; then
		echo "Redis did not start:" >&2
		tail -n 20 "$run_dir/log/redis.log" >&2
		return 1
	fi
}

redis_answers() {
	[ "$(redis-cli -h 127.0.0.1 -p "$1" ping)" = PONG ]
}

redis_port() {
	sed -n 's/^port //p' "$run_dir/redis.conf" 2>/dev/null
}

# Redis rewrites its command line: `redis-server 127.0.0.1:PORT`.
redis_stop() {
	end_process "$run_dir/redis/redis.pid" "redis-server 127.0.0.1:$(redis_port)" 15
}
