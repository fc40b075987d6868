"""Everything that grows has a bound, which /metrics shows: the daemon is driven to each of them.

The bounds of what only grows in memory for a long time (tombstones, final ids, records of keyed
writes that Redis did not take) are driven to in tests/unit/test_mirror.c and test_done_list.c."""
import contextlib
import json
import resource
import select
import socket

import pytest

from harness import expect_problem, item, pending_counts, sync_status, wait_until
from harness.metrics import samples, value

BOUNDS = ["pending", "lane_queue", "lane_retries", "reader_queue", "keyed_requests", "unsent_records",
          "tombstones", "final_ids", "log_entries", "dead_letters", "discarded_letters",
          "http_connections", "event_listeners"]
QUEUE_LIMIT, LETTERS_SHOWN, LOG_KEEP = 8192, 10000, 1000
IN_PROGRESS = 256  # a lane's batch


def gauge(daemon, name):
    return samples(daemon)[f"relevo_{name}"]


def sync_now(daemon):
    before = sync_status(daemon)["last_sync"]
    wait_until(lambda: daemon.api.post("/sync/run").status == 202, 10, "a sync cycle")
    wait_until(lambda: sync_status(daemon)["last_sync"] != before, 20, "the cycle ended")


def request(method, path, body, *headers):
    content = json.dumps(body).encode()
    lines = (f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json",
             f"Content-Length: {len(content)}", *headers, "", "")
    return "\r\n".join(lines).encode() + content


def post(path, body, *headers):
    return request("POST", path, body, *headers)


def status_of(peer):
    answer = peer.recv(65536)
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


@contextlib.contextmanager
def many_connections(daemon, count):
    """Sockets to the daemon, as many as asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 512), hard))
    peers = []
    try:
        for _ in range(count):
            peers.append(socket.create_connection(("127.0.0.1", daemon.port), timeout=60))
        yield peers
    finally:
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_every_bound_is_shown(relevo):
    shown = samples(relevo)
    for name in BOUNDS:
        assert 0 <= shown[f"relevo_{name}"] <= shown[f"relevo_{name}_limit"], name
    assert shown["relevo_lane_queue_limit"] == shown["relevo_reader_queue_limit"] == QUEUE_LIMIT
    assert shown["relevo_http_body_limit_bytes"] == 64 << 10
    assert shown["relevo_http_headers_limit_bytes"] == 16 << 10
    assert shown["relevo_applied_records"] >= 0
    assert shown["relevo_unsent_records_dropped_total"] == 0


def test_pending_operations(system):
    relevo = system.start(RELEVO_MAX_PENDING="3")
    system.mysql_down()
    answers = [relevo.api.post("/items", item(code=f"C-{n}")) for n in range(5)]
    assert [answer.status for answer in answers] == [202] * 3 + [503] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert gauge(relevo, "pending") == gauge(relevo, "pending_limit") == 3


def test_the_body_by_configuration(system):
    relevo = system.start(RELEVO_MAX_BODY="1KiB")
    assert gauge(relevo, "http_body_limit_bytes") == 1024
    expect_problem(relevo.api.post("/items", item(area="x" * 1024)), 413)
    assert value(relevo, "requests_total", '"413"') == 1


# What a queue holds and what its threads are at: the rest is refused.
@pytest.mark.parametrize("name, request_, capacity, done", [
    ("lane_queue", post("/items", item()), QUEUE_LIMIT + IN_PROGRESS, 201),
    ("reader_queue", b"GET /items/1 HTTP/1.1\r\nHost: x\r\nCache-Control: no-cache\r\n\r\n",
     QUEUE_LIMIT + 2, 200)])
@pytest.mark.timeout(300)
def test_a_full_queue_refuses_with_503(system, name, request_, capacity, done):
    """MySQL stands still, within its time-out; nothing that was taken is lost."""
    relevo = system.start(RELEVO_WRITERS="1", RELEVO_MYSQL_TIMEOUT="60s", RELEVO_PROBE_INTERVAL="60s",
                          RELEVO_SYNC_INTERVAL="1h")
    relevo.api.post("/items", item(code="first"))
    with many_connections(relevo, capacity + 50) as peers:
        system.mysql.pause()
        peers[0].sendall(request_)
        wait_until(lambda: gauge(relevo, "http_requests_in_flight") == 2, 10, "the first is taken")
        for peer in peers[1:]:
            peer.sendall(request_)
        wait_until(lambda: gauge(relevo, name) == QUEUE_LIMIT, 60,
                   lambda: f"full, holds {gauge(relevo, name)}")
        assert gauge(relevo, f"{name}_limit") == QUEUE_LIMIT
        wait_until(lambda: value(relevo, "requests_total", '"503"') >= 50, 10, "refusals")
        system.mysql.resume()
        counts = {}
        for peer in peers:
            status = status_of(peer)
            counts[status] = counts.get(status, 0) + 1
        assert set(counts) == {done, 503}, counts
        assert QUEUE_LIMIT < counts[done] <= capacity, counts
        assert gauge(relevo, name) == 0
    if done == 201:
        assert len(system.mysql.codes()) == counts[201] + 1


def test_writes_to_locked_rows_leave_room_for_others(system):
    """More of them than a lane takes at a time."""
    relevo = system.start(RELEVO_WRITERS="1", RELEVO_MYSQL_TIMEOUT="30s")
    relevo.api.post("/items", item(code="locked"))
    count = IN_PROGRESS + 50
    with contextlib.closing(system.mysql.connect(autocommit=False)) as lock, \
            many_connections(relevo, count) as peers:
        lock.cursor().execute("SELECT * FROM items WHERE id=1 FOR UPDATE")
        for peer in peers:
            peer.sendall(request("PATCH", "/items/1", {"area": "x"}))
        wait_until(lambda: gauge(relevo, "http_requests_in_flight") == count + 1, 10, "all came")
        assert relevo.api.post("/items", item(code="free")).status == 201
        wait_until(lambda: gauge(relevo, "lane_retries") > IN_PROGRESS, 10, "they wait for a turn")
        assert not select.select(peers, [], [], 0)[0], "one was answered before"
        lock.rollback()
        assert {status_of(peer) for peer in peers} == {200}
    assert system.mysql.items()[1][-1] == count + 1
    assert gauge(relevo, "lane_retries") == 0


def test_connections(system):
    """Beyond the bound a connection waits in the kernel until another one ends."""
    relevo = system.daemon(RELEVO_HTTP_THREADS="1")
    relevo.prefix = ["prlimit", "--nofile=300:300"]
    relevo.start()
    limit = int(gauge(relevo, "http_connections_limit"))
    assert limit == 300 - 128
    with many_connections(relevo, limit - 1) as peers:
        wait_until(lambda: gauge(relevo, "http_connections") == limit, 10, "all are taken")
        with socket.create_connection(("127.0.0.1", relevo.port), timeout=0.5) as one_more:
            one_more.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(TimeoutError):
                one_more.recv(1)
            assert gauge(relevo, "http_connections") == limit
            peers.pop().close()
            one_more.settimeout(20)
            assert status_of(one_more) == 200


def test_keyed_requests_in_progress(system, relevo):
    system.mysql.pause()
    with many_connections(relevo, 3) as peers:
        for n, peer in enumerate(peers):
            peer.sendall(post("/items", item(), f"Idempotency-Key: k{n}"))
        wait_until(lambda: gauge(relevo, "keyed_requests") == 3, 5, "three in progress")
        system.mysql.resume()
        assert {status_of(peer) for peer in peers} <= {201, 202}
    assert gauge(relevo, "keyed_requests") == 0


def test_records_that_redis_did_not_take(system, relevo):
    system.redis_down()
    for n in range(3):
        relevo.api.request("POST", "/items", item(), {"Idempotency-Key": f"k{n}"})
    assert gauge(relevo, "unsent_records") == 3
    system.redis_up()
    wait_until(lambda: gauge(relevo, "unsent_records") == 0, 5, "they are in Redis")


def test_the_log_is_trimmed(system, relevo):
    """To what the snapshot needs, and a little for instances that are behind."""
    made = relevo.api.post("/items", item()).data
    for n in range(LOG_KEEP + 600):
        relevo.api.patch(f"/items/{made['id']}", {"area": f"Sala {n}"})
    node = 100  # Redis cuts whole nodes of a stream
    wait_until(lambda: system.redis.db.xlen("items:changes") <= LOG_KEEP + 2 * node, 5,
               lambda: f"trimmed, there are {system.redis.db.xlen('items:changes')}")
    wait_until(lambda: LOG_KEEP / 2 < gauge(relevo, "log_entries") <= LOG_KEEP + 2 * node, 8,
               "the gauge follows")


def test_tombstones_and_final_ids_are_counted(system, relevo):
    made = relevo.api.post("/items", item()).data
    relevo.api.delete(f"/items/{made['id']}")
    assert gauge(relevo, "tombstones") == 1 and gauge(relevo, "final_ids") == 0
    system.mysql_down()
    relevo.api.post("/items", item())
    system.mysql_up()
    assert gauge(relevo, "final_ids") == 1


RECORD = ("INSERT INTO relevo_applied (op,kind,state,item_id,version,members,attempt,accepted_at,"
          "applied_at,expires_at) SELECT UNHEX(LEFT(SHA2(CONCAT('{0}',seq),256),32)),0,0,0,1,1,0,"
          "NOW(6),NOW(6),NOW(6)+INTERVAL {1} SECOND FROM ({2}) numbers")
NUMBERS = ("SELECT a.n*1000+b.n*100+c.n*10+d.n seq FROM {0} a,{0} b,{0} c,{0} d".format(
    "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 "
    "UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"))


def test_expired_records_of_applied_operations_are_purged(system):
    relevo = system.start(RELEVO_SYNC_INTERVAL="500ms")
    system.mysql.sql(RECORD.format("old", -5, NUMBERS))
    system.mysql.sql(RECORD.format("live", 3600, NUMBERS + " LIMIT 7"))
    wait_until(lambda: value(relevo, "applied_purged_total") >= 10000, 30, "10,000 are purged")
    assert system.mysql.sql("SELECT COUNT(*) FROM relevo_applied WHERE expires_at<NOW(6)")[0][0] == 0
    kept = system.mysql.sql("SELECT COUNT(*) FROM relevo_applied WHERE op IN (SELECT UNHEX(LEFT("
                            "SHA2(CONCAT('live',seq),256),32)) FROM (" + NUMBERS + ") n)")
    assert kept == [(7,)]
    wait_until(lambda: gauge(relevo, "applied_records") < 10000, 20, "the estimate follows")


LETTER = ("INSERT INTO relevo_dead (op,kind,reason,item_key,detail,`data`,accepted_at,created_at,"
          "instance) SELECT UNHEX(LEFT(SHA2(CONCAT('{0}',seq),256),32)),'create','refused','','no',"
          "'{{\"code\":\"{0}\",\"type\":\"t\",\"status\":\"s\",\"area\":\"a\"}}',NOW(6),"
          "NOW(6)-INTERVAL {1} SECOND,'a' FROM ({2}) numbers")


@pytest.mark.timeout(300)
def test_dead_letters_beyond_what_is_shown(system, relevo):
    """None is dropped: MySQL has all, the list and Redis the newest, and any can be retried."""
    system.mysql.sql(LETTER.format("new", 0, NUMBERS))
    # A cycle may have been under way that had counted them before.
    wait_until(lambda: sync_now(relevo) or sync_status(relevo)["dead_letters"] == LETTERS_SHOWN, 20,
               lambda: f"they are counted: {sync_status(relevo)}")
    assert gauge(relevo, "dead_letters") == gauge(relevo, "dead_letters_limit") == LETTERS_SHOWN
    system.mysql.sql(LETTER.format("old", 3600, NUMBERS + " LIMIT 2"))
    system.mysql.sql(LETTER.format("newer", -1, NUMBERS + " LIMIT 3"))
    sync_now(relevo)
    assert gauge(relevo, "dead_letters") == LETTERS_SHOWN + 5
    assert relevo.log_lines("WARN", "10005 dead letters")
    listed = relevo.api.get("/sync/dead").json()
    assert listed["count"] == len(listed["data"]) == LETTERS_SHOWN
    assert "old" not in {letter["data"]["code"] for letter in listed["data"]}
    copies = system.redis.db.hgetall("items:dead")
    assert len(copies) == LETTERS_SHOWN
    assert sum(json.loads(copy)["data"]["code"] == "newer" for copy in copies.values()) == 3
    first, second = (op.hex() for (op,) in system.mysql.sql(
        "SELECT op FROM relevo_dead WHERE `data` LIKE '%old%'"))
    assert relevo.api.post(f"/sync/dead/{dashed(first)}/retry").status == 202
    wait_until(lambda: system.mysql.codes() == ["old"], 10, "the retried create")
    assert relevo.api.delete(f"/sync/dead/{dashed(second)}").status == 200
    expect_problem(relevo.api.delete(f"/sync/dead/{dashed(second)}"), 404)
    sync_now(relevo)
    assert gauge(relevo, "dead_letters") == LETTERS_SHOWN + 3
    assert pending_counts(relevo) == (0, 0, 0)


def test_letters_discarded_while_mysql_is_down(system, relevo):
    system.mysql.sql(LETTER.format("some", 0, NUMBERS + " LIMIT 3"))
    wait_until(lambda: sync_now(relevo) or system.redis.db.hlen("items:dead") == 3, 20, "copies")
    system.mysql_down()
    for letter in relevo.api.get("/sync/dead").json()["data"][:2]:
        assert relevo.api.delete(f"/sync/dead/{letter['operation']}").status == 200
    wait_until(lambda: gauge(relevo, "discarded_letters") == 2, 10, "two are to be forgotten")
    assert gauge(relevo, "discarded_letters_limit") == LETTERS_SHOWN
    system.mysql_up()
    wait_until(lambda: system.mysql.sql("SELECT COUNT(*) FROM relevo_dead") == [(1,)], 20, "forgotten")
    wait_until(lambda: gauge(relevo, "discarded_letters") == 0, 10, "none is left")


def dashed(op):
    return "-".join((op[:8], op[8:12], op[12:16], op[16:20], op[20:]))


def test_what_redis_keeps_of_finished_operations_expires(system, relevo):
    """Nothing in Redis but the documented keys is there for ever."""
    relevo.api.request("POST", "/items", item(), {"Idempotency-Key": "k"})
    system.mysql_down()
    relevo.api.post("/items", item())
    system.mysql_up()
    records = list(system.redis.db.scan_iter("items:done:*"))
    assert len(records) == 2
    for record in records:
        assert 0 < system.redis.db.ttl(record) <= 7 * 86400
    for name in ("items:ops", "items:pending:ids"):
        assert system.redis.db.hlen(name) == 0


def test_a_body_longer_than_a_statement_may_be_is_no_outage(system):
    """No more of it reaches MySQL than the columns have room for."""
    with contextlib.closing(system.mysql.connect(user="boss")) as session:
        session.cursor().execute("SET GLOBAL max_allowed_packet=1048576")
        try:
            relevo = system.start(RELEVO_MAX_BODY="4MiB")
            expect_problem(relevo.api.post("/items", item(code="x" * (2 << 20))), 422, ["code"])
            padded = json.dumps(item()).encode() + b" " * (2 << 20)
            assert relevo.api.post("/items", padded).status == 201
            assert relevo.api.patch("/items/1", b" " * (2 << 20) + b'{"area":"x"}').status == 200
            assert relevo.health()["status"] == "healthy" and "is down" not in relevo.log()
        finally:
            session.cursor().execute("SET GLOBAL max_allowed_packet=DEFAULT")
