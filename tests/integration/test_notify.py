"""What a service manager hears: sd_notify(3)."""
import os
import socket
import threading
import time

import pytest

from harness import Client, item, wait_until
from harness.frozen import Frozen

SECOND = 1000000


class Manager:
    """The socket of a service manager, with all that came so far: [(time, fields)]."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while (text := self.socket.recv(4096)) != b"end":
            fields = dict(line.split("=", 1) for line in text.decode().splitlines())
            self.heard.append((time.monotonic(), fields))

    def named(self, name):
        return [fields for _, fields in list(self.heard) if name in fields]

    def since(self, when, name):
        return [at for at, fields in list(self.heard) if name in fields and at > when]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.sendto(b"end", self.path)
        self._thread.join()
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def test_ready_reload_and_stop(system, manager, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("abc:admin\n")
    daemon = system.daemon(RELEVO_TOKEN_FILE=str(tokens))
    daemon.env["NOTIFY_SOCKET"] = manager.path
    daemon.start(wait=None)
    wait_until(lambda: manager.named("READY"), 10, "READY=1")
    # It is ready when it serves: no second try is needed.
    assert Client(daemon.port).get("/health").status == 200
    assert manager.named("READY")[0]["STATUS"] == f"listening on {daemon.url}"
    assert not manager.named("WATCHDOG")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    daemon.hang_up()
    wait_until(lambda: len(manager.named("READY")) == 2, 10, "ready again")
    reload = manager.named("RELOADING")
    assert len(reload) == 1 and int(reload[0]["MONOTONIC_USEC"]) >= before
    order = [key for _, fields in manager.heard for key in fields
             if key in ("READY", "RELOADING", "STOPPING")]
    assert order == ["READY", "RELOADING", "READY"]
    daemon.stop()
    assert len(manager.named("STOPPING")) == 1


def test_a_daemon_that_cannot_serve_is_never_ready(system, manager):
    with socket.socket() as taken:
        daemon = system.daemon()
        taken.bind(("127.0.0.1", daemon.port))
        taken.listen()
        daemon.env["NOTIFY_SOCKET"] = manager.path
        daemon.start(wait=None)
        assert daemon.child.wait(timeout=20) == 1
    daemon.was_killed = True
    assert not manager.heard


def keepalive_stops(manager, seconds):
    """Six periods of silence in a row, within that time."""
    last = lambda: manager.since(0, "WATCHDOG")[-1]
    wait_until(lambda: time.monotonic() - last() > 3, seconds, "silence of the watchdog")


def keepalive_returns(manager):
    now = time.monotonic()
    wait_until(lambda: manager.since(now, "WATCHDOG"), 10, "WATCHDOG=1")


def test_no_keepalive_while_a_thread_is_stuck(system, manager):
    """The main thread, which sends it, runs all the while."""
    daemon = system.daemon(RELEVO_MYSQL_TIMEOUT="50ms", RELEVO_REDIS_TIMEOUT="50ms",
                           RELEVO_HTTP_THREADS="1")
    daemon.env |= {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(SECOND)}
    daemon.start()
    keepalive_returns(manager)
    answers = []
    writer = threading.Thread(target=lambda: answers.append(
        Client(daemon.port).post("/items", item())))
    with Frozen(daemon.pid, "lane"):
        writer.start()
        keepalive_stops(manager, 30)
        assert daemon.api.get("/health").status == 200 and not answers
        assert daemon.log_lines("ERROR", "threads that do not get on")
    writer.join()
    assert answers[0].status in (201, 202)
    keepalive_returns(manager)
    # The thread that serves a connection, in the middle of a request.
    with socket.create_connection(("127.0.0.1", daemon.port)) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n")
        daemon.api.get("/health")  # behind it in the same thread: it has begun
        with Frozen(daemon.pid, "MHD"):
            keepalive_stops(manager, 40)
    keepalive_returns(manager)


def test_dead_servers_are_no_hang(system, manager):
    """Both hang, requests wait for them, and the keepalive goes on."""
    daemon = system.daemon(RELEVO_MYSQL_TIMEOUT="300ms", RELEVO_REDIS_TIMEOUT="300ms")
    daemon.env |= {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(SECOND)}
    daemon.start()
    system.mysql.pause()
    system.redis.pause()
    for n in range(3):
        daemon.api.post("/items", item(code=f"C-{n}"))
        keepalive_returns(manager)
    assert not daemon.log_lines("threads that do not get on")
