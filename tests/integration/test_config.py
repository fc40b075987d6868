"""The program: options, signals, start and stop."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import item, wait_until
from harness.relevo import daemon_environment, relevod_path

VARIABLES = """LISTEN MYSQL_URL REDIS_URL INSTANCE SYNC_INTERVAL PROBE_INTERVAL MYSQL_TIMEOUT
REDIS_TIMEOUT HTTP_THREADS WRITERS READ_FROM PUBLISH_BUDGET MAX_PENDING MAX_BODY CONFLICT
REQUIRE_DURABLE STOP_DELAY TOKEN_FILE CORS_ORIGINS STATIC_DIR LOG_LEVEL LOG_FORMAT ACCESS_LOG""".split()


def run(*arguments, **env):
    return subprocess.run([relevod_path(), *arguments], env=daemon_environment(env), text=True,
                          capture_output=True, timeout=20)


def flag(variable):
    return "--" + variable.lower().replace("_", "-")


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_help_names_every_option(argument):
    done = run(argument)
    assert done.returncode == 0 and done.stderr == ""
    for variable in VARIABLES:
        assert f"RELEVO_{variable}" in done.stdout
        assert re.search(rf"{flag(variable)}\b", done.stdout)


def test_version():
    done = run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_check_config_accepts_the_defaults():
    assert run("--check-config").returncode == 0


def test_print_config_prints_every_option():
    done = run("--print-config")
    assert done.returncode == 0
    assert {line.split("=")[0] for line in done.stdout.splitlines()} \
        == {f"RELEVO_{variable}" for variable in VARIABLES}


def test_print_config_masks_secrets():
    done = run("--print-config", RELEVO_MYSQL_URL="mysql://u:s3cr3t@h/d",
               RELEVO_REDIS_URL="redis://u:s3cr3t@h:1/2")
    assert done.returncode == 0 and "s3cr3t" not in done.stdout and "***" in done.stdout


def test_what_is_printed_can_be_used():
    first = run("--print-config", RELEVO_SYNC_INTERVAL="90s", RELEVO_MAX_BODY="128KiB")
    env = dict(line.split("=", 1) for line in first.stdout.splitlines() if not line.endswith("="))
    assert run("--print-config", **env).stdout == first.stdout


def test_a_flag_wins_over_the_environment():
    for arguments in (["--sync-interval", "5s"], ["--sync-interval=5s"]):
        done = run(*arguments, "--print-config", RELEVO_SYNC_INTERVAL="7s")
        assert "RELEVO_SYNC_INTERVAL=5s" in done.stdout.splitlines()


BAD = [
    ("LISTEN", "nonsense"), ("LISTEN", "127.0.0.1:99999"), ("LISTEN", ":-1"), ("LISTEN", ""),
    ("MYSQL_URL", "http://x"), ("MYSQL_URL", "mysql://"), ("MYSQL_URL", "mysql://u:p@h:x/d"),
    ("MYSQL_URL", "mysql://u:p@h/d?tls=maybe"), ("MYSQL_URL", "mysql://u:p%zz@h/d"),
    ("REDIS_URL", "redis://h:0x1/0"), ("REDIS_URL", "redis://h/x"), ("REDIS_URL", "http://h"),
    ("REDIS_URL", "redis+sentinel://h:1"), ("INSTANCE", "with blank"), ("INSTANCE", ""),
    ("SYNC_INTERVAL", "30"), ("SYNC_INTERVAL", "499ms"), ("SYNC_INTERVAL", "61m"),
    ("SYNC_INTERVAL", "-5s"), ("SYNC_INTERVAL", "1.5s"), ("SYNC_INTERVAL", "5 s"),
    ("SYNC_INTERVAL", "99999999999999999999s"), ("PROBE_INTERVAL", "0s"), ("MYSQL_TIMEOUT", "x"),
    ("REDIS_TIMEOUT", "1d"), ("HTTP_THREADS", "0"), ("HTTP_THREADS", "65"), ("WRITERS", "two"),
    ("READ_FROM", "redis"), ("PUBLISH_BUDGET", "16MB"), ("MAX_PENDING", "-1"), ("MAX_BODY", "1"),
    ("MAX_BODY", "1TiB"), ("CONFLICT", "me"), ("REQUIRE_DURABLE", "maybe"),
    ("TOKEN_FILE", "/no/such/file"), ("STATIC_DIR", "/no/such/folder"), ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"), ("CORS_ORIGINS", "not an origin")]


@pytest.mark.parametrize("way", ["environment", "flag"])
@pytest.mark.parametrize("variable, value", BAD)
def test_a_bad_value_is_refused_in_one_line(variable, value, way):
    if way == "environment":
        if value == "":
            pytest.skip("an empty variable may count as unset")
        done = run("--check-config", **{f"RELEVO_{variable}": value})
    else:
        done = run(f"{flag(variable)}={value}", "--check-config")
    assert done.returncode == 2, done
    line, = done.stderr.splitlines()
    assert f"RELEVO_{variable}" in line or flag(variable) in line, line
    assert value in line or "***" in line, line
    assert "p%zz" not in line


def test_the_line_says_what_is_accepted():
    assert "500ms" in run(RELEVO_SYNC_INTERVAL="5").stderr
    assert "queue-wins" in run(RELEVO_CONFLICT="x").stderr


def test_a_bad_value_never_shows_a_password():
    for url in ("mysql://u:s3cr3t@h:x/d", "mysql://u:s3cr3t@h/d?tls=q", "mysql:/u:s3cr3t@h/d"):
        done = run(RELEVO_MYSQL_URL=url)
        assert done.returncode == 2 and "s3cr3t" not in done.stderr + done.stdout


@pytest.mark.parametrize("arguments", [["--nope"], ["--nope=1"], ["extra"], ["--sync-interval"]])
def test_unknown_arguments_are_refused(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and len(done.stderr.splitlines()) >= 1


def test_an_unknown_variable_does_no_harm():
    assert run("--check-config", RELEVO_NO_SUCH_THING="1").returncode == 0


def test_a_port_in_use_is_an_error(system, relevo):
    done = run(RELEVO_LISTEN=f"127.0.0.1:{relevo.port}", RELEVO_MYSQL_URL=system.mysql.url,
               RELEVO_REDIS_URL=system.redis.url)
    assert done.returncode not in (0, 99) and done.returncode > 0
    assert str(relevo.port) in done.stderr


def test_listening_on_both_families(system):
    relevo = system.daemon()
    relevo.start(RELEVO_LISTEN=f"[::]:{relevo.port}")
    assert relevo.api.get("/health").status == 200
    with socket.create_connection(("::1", relevo.port), timeout=5) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_with_0(relevo, number):
    relevo.signal(number)
    assert relevo.child.wait(timeout=20) == 0


@pytest.mark.parametrize("state", ["mysql frozen", "redis frozen", "both frozen", "both killed"])
def test_it_stops_in_time_whatever_the_servers_do(system, relevo, state):
    relevo.api.post("/items", item())
    if state == "both killed":
        system.mysql.kill()
        system.redis.kill()
    if state in ("mysql frozen", "both frozen"):
        system.mysql.pause()
    if state in ("redis frozen", "both frozen"):
        system.redis.pause()
    relevo.stop()


def test_requests_in_flight_are_finished(system, relevo):
    """A write that waits for a row lock is answered although SIGTERM came meanwhile."""
    relevo.api.post("/items", item())
    lock = system.mysql.connect(autocommit=False)
    lock.cursor().execute("SELECT * FROM items WHERE id=1 FOR UPDATE")
    answers = []
    writer = threading.Thread(
        target=lambda: answers.append(relevo.api.patch("/items/1", {"area": "x"})))
    writer.start()
    time.sleep(0.3)  # it waits now; if it has not even begun, the test proves less but still holds
    relevo.signal(signal.SIGTERM)
    writer.join(timeout=20)
    lock.rollback()
    lock.close()
    assert answers and answers[0].status in (200, 202), answers
    relevo.stop()
    relevo.start()
    system.await_drained()
    assert system.mysql.items()[1][3] == "x"


def test_after_the_stop_signal_nothing_new_is_taken(relevo):
    relevo.signal(signal.SIGTERM)

    def refused():
        try:
            with socket.create_connection(("127.0.0.1", relevo.port), timeout=1):
                return False
        except OSError:
            return True
    wait_until(refused, 6, "connections are refused")


def test_the_lease_is_released_at_the_end(system):
    one = system.start()
    one.stop()
    assert not system.redis.db.exists("sync:lease")


def test_sighup_without_a_token_file_does_no_harm(relevo):
    relevo.hang_up()
    time.sleep(0.1)
    assert relevo.api.get("/health").status == 200


def test_sigusr1_switches_debug_logging(system, relevo):
    system.mysql_down()
    system.redis_down()

    def refuse():
        assert relevo.api.post("/items", item()).status == 503
        return len(relevo.log_lines(" DEBUG "))
    assert refuse() == 0
    relevo.signal(signal.SIGUSR1)
    wait_until(refuse, 5, "debug lines")
    relevo.signal(signal.SIGUSR1)
    wait_until(lambda: refuse() == refuse(), 5, "no more debug lines")


def test_sigpipe_is_ignored(relevo):
    relevo.signal(signal.SIGPIPE)
    assert relevo.api.get("/health").status == 200


def test_clients_that_hang_up_do_no_harm(relevo):
    for n in range(100):
        relevo.api.post("/items", item(code=f"C-{n}", area="x" * 100))
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", relevo.port)) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.sendall(b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    assert relevo.api.get("/health").status == 200


def test_text_log_lines(system, relevo):
    system.mysql_down()
    relevo.api.post("/items", item())
    system.mysql_up()
    for line in relevo.log().splitlines():
        assert re.match(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARN|ERROR) \[[A-Z]+\] .", line), line
    assert relevo.log_lines("[SYNC]") and relevo.log_lines("[MYSQL]")


def test_json_log_lines(system):
    relevo = system.start(RELEVO_LOG_FORMAT="json")
    relevo.api.post("/items", item())
    lines = [json.loads(line) for line in relevo.log().splitlines()]
    assert lines and all({"time", "level", "tag", "message"} <= set(line) for line in lines)


def test_passwords_are_never_logged(system):
    relevo = system.start(RELEVO_LOG_LEVEL="debug")
    relevo.api.post("/items", item())
    system.mysql_down()
    assert ":relevo@" not in relevo.log()


def test_a_wrong_mysql_password_counts_as_down(system):
    relevo = system.start(wait="up", RELEVO_MYSQL_URL=system.mysql.url.replace(":relevo@", ":wrong@"))
    relevo.await_health(redis=True, mysql=False)
    assert relevo.api.post("/items", item()).status == 202


def test_percent_encoded_password(system):
    system.mysql.admin("CREATE USER IF NOT EXISTS 'odd@user'@'%' IDENTIFIED BY 'a:b/c@d%e#f?'")
    system.mysql.admin("GRANT ALL ON relevo.* TO 'odd@user'@'%'")
    relevo = system.start(RELEVO_MYSQL_URL=f"mysql://odd%40user:a%3Ab%2Fc%40d%25e%23f%3F@127.0.0.1:"
                                           f"{system.mysql.port}/relevo")
    assert relevo.api.post("/items", item()).status == 201


@pytest.mark.parametrize("tls", ["off", "preferred"])
def test_signs_in_with_and_without_tls(system, tls):
    """MySQL knows an account that signed in until privileges are flushed; before, it takes more."""
    system.mysql.admin("FLUSH PRIVILEGES")
    relevo = system.start(RELEVO_MYSQL_URL=f"{system.mysql.url}?tls={tls}")
    assert relevo.api.post("/items", item()).status == 201


def test_several_mysql_hosts_are_tried_in_order(system):
    relevo = system.start(RELEVO_MYSQL_URL=f"mysql://relevo:relevo@127.0.0.1:1,127.0.0.1:"
                                           f"{system.mysql.port}/relevo")
    assert relevo.api.post("/items", item()).status == 201


def test_redis_over_a_unix_socket(system):
    path = os.path.join(system.folder, "r.sock")
    # Redis opens no further socket at run time: a small server of its own.
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                               "--dir", system.folder], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.exists(path), 5, "the socket")
        relevo = system.start(RELEVO_REDIS_URL=f"unix://{path}")
        assert relevo.api.post("/items", item()).status == 201
        assert relevo.api.get("/items/1").json()["source"] == "REDIS_CACHE"
        relevo.stop()
    finally:
        server.kill()
        server.wait()


def test_mysql_over_a_unix_socket(system):
    path = os.path.join(system.mysql.data, "mysqld.sock")
    relevo = system.start(RELEVO_MYSQL_URL=f"mysql://relevo:relevo@localhost/relevo?socket={path}")
    assert relevo.api.post("/items", item()).status == 201


def test_another_redis_database(system):
    relevo = system.start(RELEVO_REDIS_URL=system.redis.url[:-1] + "5")
    assert relevo.api.post("/items", item()).status == 201
    assert not system.redis.db.exists("items:cache")


def test_a_body_limit_by_configuration(system):
    relevo = system.start(RELEVO_MAX_BODY="512")
    assert relevo.api.post("/items", item()).status == 201
    assert relevo.api.post("/items", item(extra="x" * 600)).status == 413


def test_start_and_stop_again_and_again(system):
    relevo = system.daemon()
    for n in range(5):
        relevo.start()
        assert relevo.api.post("/items", item(code=f"C-{n}")).status == 201
        relevo.stop()
    assert len(system.mysql.items()) == 5
