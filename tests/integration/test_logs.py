"""Logs: the request's id, the access log, and that an outage is two lines, however many ask."""
import json
import re
import socket
import threading

import pytest

from harness import item, sync_status, wait_until
from harness.client import Client, raw_exchange
from harness.listener import Listener

MADE = r"[0-9a-f]{32}"


@pytest.fixture(params=["text", "json"])
def access(system, request):
    """A daemon that logs each request, and what it has logged."""
    daemon = system.start(RELEVO_ACCESS_LOG="on", RELEVO_LOG_FORMAT=request.param)
    daemon.format = request.param
    return daemon


def entries(daemon):
    """The access log's lines, as dicts of strings."""
    lines = daemon.log_lines("access")
    if daemon.format == "json":
        return [{k: str(v) for k, v in json.loads(line).items()} for line in lines]
    found = []
    for line in lines:
        match = re.fullmatch(r"\S+ INFO \[HTTP\] access((?: [a-z]+=\S*)+)", line)
        assert match, line
        found.append(dict(word.split("=", 1) for word in match[1].split()))
    return found


def entry(daemon, **wanted):
    def there():
        return [e for e in entries(daemon) if all(e.get(k) == v for k, v in wanted.items())]
    wait_until(there, 5, f"an access line with {wanted}")
    assert len(there()) == 1
    return there()[0]


def test_every_answer_carries_the_id(system, tmp_path):
    (tmp_path / "index.html").write_text("<p>hello</p>")
    daemon = system.start(RELEVO_STATIC_DIR=str(tmp_path))
    seen = set()
    for method, path, status in (
            ("GET", "/items", 200), ("HEAD", "/items", 200), ("GET", "/", 200),
            ("GET", "/items/7", 404), ("PUT", "/items", 405), ("OPTIONS", "/items", 204),
            ("GET", "/no/such", 404), ("GET", "/metrics", 200), ("POST", "/items", 415),
            ("GET", "/items?limit=x", 400), ("GET", "/instances", 200)):
        answer = daemon.api.request(method, path, b"x" if method == "POST" else None,
                                    {"Content-Type": "text/plain"})
        assert answer.status == status, (method, path, answer)
        made = answer.headers["X-Request-Id"]
        assert re.fullmatch(MADE, made), (method, path, made)
        seen.add(made)
        answer = daemon.api.request(method, path, b"x" if method == "POST" else None,
                                    {"Content-Type": "text/plain", "X-Request-Id": "mine:1/a"})
        assert answer.headers["X-Request-Id"] == "mine:1/a", (method, path)
    assert len(seen) == 11
    created = daemon.api.post("/items", item(), {"X-Request-Id": "c-1"})
    assert created.status == 201 and created.headers["X-Request-Id"] == "c-1"
    with Listener(daemon.port, headers={"X-Request-Id": "e-1"}) as listener:
        assert listener.headers["x-request-id"] == "e-1"
    system.mysql_down()
    queued = daemon.api.patch("/items/1", {"area": "x"}, {"X-Request-Id": "q-1"})
    assert queued.status == 202 and queued.headers["X-Request-Id"] == "q-1"
    # What is no id is replaced, and so are two.
    for bad in ("x" * 129, 'a"b', "a'b", "a b", "", "\u00e9", "a\\b"):
        answer = daemon.api.get("/health", {"X-Request-Id": bad.encode()})
        assert re.fullmatch(MADE, answer.headers["X-Request-Id"]), bad
    head = raw_exchange(daemon.port, b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                     b"X-Request-Id: one\r\nx-request-id: two\r\n\r\n")
    assert re.search(rb"(?i)^x-request-id: " + MADE.encode() + b"\r$", head, re.M), head
    # A request whose end cannot be told is refused, with an id.
    head = raw_exchange(daemon.port, b"GET /health HTTP/1.1\r\nX-Request-Id: no-host\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400") and b"X-Request-Id: no-host\r\n" in head


def test_access_log(system, access):
    access.api.get("/items?limit=5", {"X-Request-Id": "list-1"})
    line = entry(access, request="list-1")
    assert (line["from"], line["method"], line["path"], line["status"]) \
        == ("127.0.0.1", "GET", "/items", "200")
    assert 0 <= float(line["seconds"]) < 30
    raw = raw_exchange(access.port, b"GET /a%20b\" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                    b"X-Request-Id: raw-1\r\n\r\n")
    line = entry(access, request="raw-1")
    assert line["path"] == '/a%20b"' and line["status"] == "404"
    assert int(line["bytes"]) == len(raw)
    # The second request of a connection counts its own bytes alone.
    sizes = []
    with socket.create_connection(("127.0.0.1", access.port)) as peer:
        for n in range(2):
            peer.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: h\r\nX-Request-Id: k-%d\r\n\r\n" % n)
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(65536)
            head, _, body = head.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(body) < length:
                body += peer.recv(65536)
            sizes.append(len(head) + 4 + length)
    assert [int(entry(access, request=f"k-{n}")["bytes"]) for n in range(2)] == sizes
    # A write that waits for a lane, and a stream, which ends when its client goes.
    access.api.post("/items", item(), {"X-Request-Id": "w-1"})
    assert entry(access, request="w-1")["status"] == "201"
    with Listener(access.port, headers={"X-Request-Id": "s-1"}) as listener:
        listener.next()
        assert not [e for e in entries(access) if e["request"] == "s-1"]
    assert int(entry(access, request="s-1")["bytes"]) > 100
    # A forged line stays inside its member.
    access.api.get("/items/1?%0a", {"X-Request-Id": "f-1"})
    assert entry(access, request="f-1")["path"] == "/items/1"


def test_no_access_log_unless_asked_for(relevo):
    relevo.api.get("/items")
    relevo.api.post("/items", item())
    assert not relevo.log_lines("access")


def test_lines_of_a_request_carry_its_id(system):
    daemon = system.start(RELEVO_LOG_LEVEL="debug")
    system.mysql_down()
    system.redis_down()
    assert daemon.api.post("/items", item(), {"X-Request-Id": "both-1"}).status == 503
    lines = daemon.log_lines("POST /items")
    assert lines and all(line.endswith(" request=both-1") for line in lines)


def ask_all_the_while(daemon, rounds):
    """Reads and writes of several clients at once; every one is answered without a 5xx."""
    faults = []

    def ask(n):
        client = Client(daemon.port)
        for r in range(rounds):
            for answer in (client.get("/items/1"), client.patch("/items/1", {"area": f"a{n}{r}"}),
                           client.get("/items", {"Cache-Control": "no-cache"}),
                           client.post("/items", item(code=f"O-{n}-{r}"))):
                if answer.status >= 500:
                    faults.append(answer)
        client.close()
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]


@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_an_outage_is_one_line_at_its_begin_and_one_at_its_end(system, relevo, server):
    name, tag = {"mysql": ("MySQL", "[MYSQL]"), "redis": ("Redis", "[REDIS]")}[server]
    relevo.api.post("/items", item())
    before = len(relevo.log_lines(tag))
    getattr(system, server).kill()
    ask_all_the_while(relevo, 15)  # 360 requests
    relevo.await_health(**{server: False})
    ask_all_the_while(relevo, 5)
    lines = relevo.log_lines(tag)[before:]
    assert len(lines) == 1 and f"{name} is down: " in lines[0], lines
    assert not relevo.log_lines("ERROR")
    assert len([l for l in relevo.log_lines("WARN") if l not in lines]) == 0, relevo.log()
    getattr(system, server).start()
    relevo.await_health(mysql=True, redis=True)
    system.await_drained()
    ask_all_the_while(relevo, 5)
    lines = [l for l in relevo.log_lines(tag)[before:]
             if " is down" in l or " is up" in l or "not usable" in l]
    assert [f"{name} is down" in lines[0], f"{name} is up" in lines[1], len(lines)] \
        == [True, True, 2], lines
    assert len(relevo.log().splitlines()) < 60, relevo.log()


def test_the_sync_loop_says_once_that_it_runs(relevo):
    """Its period, and what the first check found; then it is silent while there is nothing to say."""
    wait_until(lambda: len(relevo.log_lines("[SYNC]")) == 2, 10, "two lines")
    for _ in range(2):
        before = sync_status(relevo)["last_sync"]
        wait_until(lambda: sync_status(relevo)["last_sync"] != before, 10, "a further check")
    start, check = relevo.log_lines("[SYNC]")
    assert " INFO " in start and "every 2 s" in start
    assert " INFO " in check and "0 items, all equal, " in check
