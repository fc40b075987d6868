"""Redis killed, frozen, emptied; both servers down."""
import concurrent.futures
import contextlib
import json
import threading
import time

import pytest

from harness import (SLOW, Redis, assert_cache_exact, await_cache_exact, await_consistent,
                     expect_problem, item, item_key, items_of, pending_counts, row_of, wait_until)
from harness.proxy import CLIENT, SERVER
from harness.redis_server import script

TIMEOUT = 0.5  # RELEVO_REDIS_TIMEOUT


def mirror_is_mysql(system, daemon):
    return {shown["id"]: (*row_of(shown), shown["version"]) for shown in items_of(daemon)} \
        == system.mysql.items()


# --- Redis down, MySQL up ---

def test_writes_go_on(system, relevo):
    relevo.api.post("/items", item())
    system.redis_down()
    made = relevo.api.post("/items", item(code="B"))
    assert made.status == 201 and made.json()["source"] == "MySQL"
    assert relevo.api.patch("/items/1", {"area": "x"}).status == 200
    assert relevo.api.delete(item_key(made.data)).status == 200
    assert {row[0]: row[3] for row in system.mysql.items().values()} == {"PC-01": "x"}


def test_reads_go_on(system, relevo):
    relevo.api.post("/items", item())
    system.redis_down()
    relevo.api.post("/items", item(code="B"))
    for path in ("/items", "/items/1", "/items?code=B", "/items?limit=1"):
        answer = relevo.api.get(path)
        assert answer.status == 200 and answer.json()["source"] in ("MySQL", "REDIS_CACHE")
        assert "stale" not in answer.json()
    assert [shown["code"] for shown in items_of(relevo)] == ["PC-01", "B"]
    expect_problem(relevo.api.get("/items/77"), 404)


def test_the_cache_catches_up_when_redis_is_back(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.redis_down()
    relevo.api.post("/items", item(code="new"))
    relevo.api.patch("/items/1", {"area": "x"})
    relevo.api.delete("/items/2")
    system.redis_up()
    await_cache_exact(system, relevo)
    assert mirror_is_mysql(system, relevo)
    assert relevo.api.patch("/items/3", {"area": "y"}).status == 200
    assert_cache_exact(system, relevo)
    await_consistent(relevo)


def test_other_instances_learn_what_was_written_meanwhile(system):
    one, other = system.start(), system.start()
    for n in range(3):
        one.api.post("/items", item(code=f"C-{n}"))
    system.redis_down()
    one.api.post("/items", item(code="new"))
    other.api.patch("/items/1", {"area": "x"})
    one.api.delete("/items/2")
    system.redis_up()
    for daemon in (one, other):
        wait_until(lambda: mirror_is_mysql(system, daemon), 10, "the mirror is MySQL")
    await_cache_exact(system, one)


def test_instances_read_each_others_writes_without_redis(system):
    """A read may not show less than what was answered: it comes from MySQL then."""
    one, other = system.start(), system.start()
    one.api.post("/items", item())
    system.redis_down()
    made = one.api.post("/items", item(code="B")).data
    assert other.api.get(item_key(made)).data == made


def test_frozen_redis_first_write_waits_a_timeout_later_ones_do_not(system, relevo):
    relevo.api.post("/items", item())
    system.redis.pause()
    started = time.monotonic()
    assert relevo.api.post("/items", item(code="B")).status == 201
    assert time.monotonic() - started < 2 * TIMEOUT + 0.7 * SLOW
    relevo.await_health(redis=False)
    for n in range(3):
        started = time.monotonic()
        assert relevo.api.post("/items", item(code=f"C-{n}")).status == 201
        assert time.monotonic() - started < 0.4 * SLOW
    system.redis.resume()
    system.await_up()
    assert system.mysql.codes() == sorted(["PC-01", "B", "C-0", "C-1", "C-2"])
    wait_until(lambda: mirror_is_mysql(system, relevo), 5, "the mirror is MySQL")
    await_cache_exact(system, relevo)


@pytest.mark.threads
def test_redis_killed_under_writing_clients_is_no_5xx(system, relevo):
    done = []
    stop = threading.Event()

    def write(worker):
        n = 0
        while not stop.is_set():
            done.append((f"{worker}-{n}", relevo.api.post("/items", item(code=f"{worker}-{n}")).status))
            n += 1
        relevo.api.close()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        system.redis.kill()
        relevo.await_health(redis=False)
        system.redis.start()
        relevo.await_health(redis=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for _, status in done} <= {201, 202}
    system.await_up()
    assert system.mysql.codes() == sorted(code for code, _ in done)
    await_cache_exact(system, relevo)


def test_start_with_redis_down(system):
    system.redis.kill()
    relevo = system.start(wait="up")
    relevo.await_health(mysql=True, redis=False)
    assert relevo.api.post("/items", item()).status == 201
    assert [shown["code"] for shown in items_of(relevo)] == ["PC-01"]
    assert relevo.api.get("/items/1").status == 200
    system.redis_up()
    await_cache_exact(system, relevo)
    await_consistent(relevo)


def test_start_waits_for_what_a_slow_redis_knows(system):
    """MySQL alone does not know what waits."""
    one = system.start()
    system.mysql_down()
    made = one.api.post("/items", item()).data
    one.kill()
    system.redis.hold_lease()
    system.mysql.start()
    system.redis.pause()
    one.start(wait=None, RELEVO_REDIS_TIMEOUT="20s")
    wait_until(lambda: "MySQL is up" in one.log().split("listening on")[-1], 10, "MySQL is up")

    def listed():
        with contextlib.suppress(OSError):
            return [shown["id"] for shown in items_of(one)]
    with pytest.raises(AssertionError, match="timed out"):
        wait_until(listed, 0.5, "it answers")
    system.redis.resume()
    one.await_answer()
    assert listed() == [made["id"]]
    system.redis.drop_lease()


def test_start_with_redis_down_shows_rows_that_were_there(system):
    first = system.start()
    for n in range(3):
        first.api.post("/items", item(code=f"C-{n}"))
    first.stop()
    system.redis.kill()
    relevo = system.start(wait="up")
    relevo.await_health(mysql=True, redis=False)
    wait_until(lambda: len(items_of(relevo)) == 3, 5, "the rows")
    assert relevo.api.patch("/items/1", {"area": "x"}).status == 200


# --- both down ---

def both_down(system, relevo):
    system.mysql_down()
    system.redis_down()


def test_both_down_reads_are_stale_and_writes_503(system, relevo):
    made = relevo.api.post("/items", item()).data
    both_down(system, relevo)
    for path in ("/items", "/items/1"):
        answer = relevo.api.get(path)
        assert answer.status == 200
        assert answer.json()["source"] == "MEMORY" and answer.json()["stale"] is True
    assert answer.data == made
    for answer in (relevo.api.post("/items", item()), relevo.api.put("/items/1", item()),
                   relevo.api.patch("/items/1", {"area": "x"}), relevo.api.delete("/items/1")):
        expect_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
    assert relevo.api.get("/health").status == 503
    assert relevo.api.get("/sync/status").status == 200
    assert relevo.api.get("/metrics").status == 200


def test_both_down_nothing_is_said_to_be_unknown(system, relevo):
    """Another instance may have created it a moment ago."""
    relevo.api.post("/items", item())
    both_down(system, relevo)
    for path in ("/items/2", "/items/pending_01a20e7a-243c-7b4b-99a3-d5380f09a5d3"):
        expect_problem(relevo.api.get(path), 503)
        expect_problem(relevo.api.patch(path, {"area": "x"}), 503)
        expect_problem(relevo.api.delete(path), 503)
    expect_problem(relevo.api.patch("/items/1", {"area": "x"}, headers={"If-Match": '"old"'}), 503)


def test_both_down_refused_writes_leave_nothing(system, relevo):
    both_down(system, relevo)
    assert relevo.api.post("/items", item()).status == 503
    system.mysql.start()
    system.redis.start()
    system.await_up()
    assert system.mysql.items() == {} and items_of(relevo) == []


def test_a_server_that_is_back_is_found_before_a_write_is_refused(system):
    """No probe has seen it yet when the other one dies."""
    relevo = system.start(RELEVO_PROBE_INTERVAL="5s", RELEVO_MYSQL_TIMEOUT="5s",
                          RELEVO_REDIS_TIMEOUT="5s")
    system.mysql.kill()
    assert relevo.api.post("/items", item(code="A")).status == 202
    system.mysql.start()
    system.redis.kill()
    assert relevo.api.post("/items", item(code="B")).status == 201
    system.mysql.kill()
    system.redis.start()
    assert relevo.api.post("/items", item(code="C")).status == 202
    system.mysql.start()
    system.await_up()
    assert sorted(system.mysql.codes()) == ["A", "B", "C"]


def test_both_down_a_write_asks_again(system):
    """Both are known to be dead, and no probe is due."""
    relevo = system.start(RELEVO_PROBE_INTERVAL="60s")
    system.redis.kill()
    system.mysql.kill()
    expect_problem(relevo.api.post("/items", item(code="A")), 503)
    system.redis.start()
    assert relevo.api.post("/items", item(code="B")).status == 202
    system.redis.kill()
    expect_problem(relevo.api.post("/items", item(code="C")), 503)
    system.mysql.start()
    assert relevo.api.post("/items", item(code="D")).status == 201


def test_both_down_a_read_asks_again(system):
    """Both are known to be dead, and no probe is due: what the instance does not know itself is asked
    for once more before it is called unknown."""
    relevo = system.start(RELEVO_PROBE_INTERVAL="60s")
    operation = "019ac0de-0000-7000-8000-000000000001"
    system.redis.kill()
    system.mysql.kill()
    expect_problem(relevo.api.get("/items/77"), 503)
    expect_problem(relevo.api.get(f"/operations/{operation}"), 503)
    expect_problem(relevo.api.get("/sync/dead"), 503)
    system.mysql.start()
    system.mysql.sql("INSERT INTO items (code,type,status,area) VALUES ('A','b','c','d')")
    answer = relevo.api.get("/items/1")
    assert answer.status == 200 and answer.data["code"] == "A"
    system.mysql.kill()
    expect_problem(relevo.api.get("/items/77"), 503)
    system.mysql.start()
    expect_problem(relevo.api.get("/items/77"), 404)
    system.mysql.kill()
    expect_problem(relevo.api.get(f"/operations/{operation}"), 503)
    system.mysql.start()
    expect_problem(relevo.api.get(f"/operations/{operation}"), 404)
    system.mysql.kill()
    expect_problem(relevo.api.get("/sync/dead"), 503)
    system.mysql.start()
    assert relevo.api.get("/sync/dead").json()["count"] == 0


def test_both_down_invalid_requests_get_their_4xx(system, relevo):
    relevo.api.post("/items", item())
    both_down(system, relevo)
    expect_problem(relevo.api.post("/items", {}), 422, ["code", "type", "status", "area"])
    expect_problem(relevo.api.post("/items", b"{"), 400)


def test_both_frozen_first_write_is_answered_in_time(system, relevo):
    relevo.api.post("/items", item())
    system.mysql.pause()
    system.redis.pause()
    started = time.monotonic()
    answer = relevo.api.post("/items", item(code="B"))
    assert answer.status in (503, 202) and time.monotonic() - started < 1 + 2 * TIMEOUT + SLOW
    started = time.monotonic()
    assert relevo.api.post("/items", item(code="C")).status == 503
    assert time.monotonic() - started < 0.4 * SLOW


@pytest.mark.parametrize("order", ["mysql first", "redis first"])
def test_both_orders_of_return(system, relevo, order):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    relevo.api.post("/items", item(code="off"))
    relevo.api.patch("/items/1", {"area": "off"})
    relevo.api.delete("/items/2")
    system.redis_down()
    assert relevo.api.post("/items", item(code="no")).status == 503
    assert [shown["code"] for shown in items_of(relevo)] == ["C-0", "C-2", "off"]
    if order == "mysql first":
        system.mysql.start()
        relevo.await_health(mysql=True)
        assert relevo.api.post("/items", item(code="on")).status == 201
        system.redis.start()
    else:
        system.redis.start()
        relevo.await_health(redis=True)
        assert relevo.api.post("/items", item(code="on")).status == 202
        system.mysql.start()
    system.await_up()
    assert {row[0]: row[3] for row in system.mysql.items().values()} \
        == {"C-0": "off", "C-2": "Sala 1", "off": "Sala 1", "on": "Sala 1"}
    wait_until(lambda: mirror_is_mysql(system, relevo), 10, "the mirror is MySQL")
    await_cache_exact(system, relevo)
    await_consistent(relevo)


@pytest.mark.parametrize("instances", [1, 2])
def test_what_waits_goes_to_mysql_without_redis(system, instances):
    """MySQL is back, Redis is dead with its lists full: nothing overtakes, nothing is refused."""
    daemons = [system.start() for _ in range(instances)]
    relevo = daemons[0]
    for n in range(1, 5):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    made = relevo.api.post("/items", item(code="off"))
    temp = item_key(made.data)
    relevo.api.patch(temp, {"area": "off"})
    relevo.api.patch("/items/1", {"area": "off", "status": "off"})
    relevo.api.patch("/items/4", {"area": "off"})
    relevo.api.delete("/items/2")
    wait_until(lambda: pending_counts(daemons[-1]) == (1, 3, 1), 5, "the others know")
    system.redis_down()
    system.mysql.start()
    for daemon in daemons:
        wait_until(lambda: daemon.health()["mysql"], 10, "MySQL is seen")
    # at once, before or after the sync thread had its turn
    assert daemons[-1].api.patch("/items/1", {"area": "on"}).status == 200
    answer = relevo.api.patch(temp, {"status": "on"})
    assert answer.status == 200 and isinstance(answer.data["id"], int), answer
    assert relevo.api.delete("/items/2").status == 404
    assert relevo.api.delete("/items/4").status == 200
    wanted = {"C-1": ("off", "on"), "C-3": ("Operativa", "Sala 1"), "off": ("on", "off")}
    rows = system.mysql.items()
    assert {row[0]: (row[2], row[3]) for row in rows.values()} == wanted
    wait_until(lambda: pending_counts(relevo) == (0, 0, 0), 5, "nothing waits")
    system.redis.start()
    relevo.await_health(redis=True)
    assert relevo.api.patch("/items/1", {"area": "again"}).status in (200, 202)
    assert relevo.api.patch(temp, {"area": "again"}).status in (200, 202)
    system.await_up()
    rows = {row[0]: (row[2], row[3]) for row in system.mysql.items().values()}
    assert rows == {**wanted, "C-1": ("off", "again"), "off": ("on", "again")}
    for daemon in daemons:
        wait_until(lambda: mirror_is_mysql(system, daemon), 10, "the mirror is MySQL")
        assert pending_counts(daemon) == (0, 0, 0)
        assert daemon.api.get(temp).data["id"] == answer.data["id"]
        assert daemon.api.get("/sync/dead").json()["count"] == 0
    assert system.redis.db.exists(f"items:done:{made.json()['operation']}")
    assert system.redis.db.hlen("items:ops") == system.redis.db.hlen("items:pending:ids") == 0
    await_cache_exact(system, relevo)
    await_consistent(relevo)


@pytest.mark.parametrize("write, outcome", [("delete", 200), ("patch", 409)])
@pytest.mark.parametrize("point", [SERVER, CLIENT], ids=["not queued", "queued"])
def test_what_may_be_queued_meets_no_item_any_more(system, write, outcome, point):
    """Redis falls silent while the write is queued, and MySQL tells that nothing can come of it. If
    the log told in time that it is queued, that is the answer, or it is drained first."""
    daemon = system.start(proxied=True)
    daemon.api.post("/items", item())
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    assert daemon.api.patch("/items/1", {"area": "waits"}).status == 202
    system.redis.hold_lease()
    system.mysql.sql("DELETE FROM items")
    daemon.mysql.up()
    daemon.await_health(mysql=True)
    fault = daemon.redis.arm(script("accept"), point, 0, down=True)
    answer = daemon.api.delete("/items/1") if write == "delete" \
        else daemon.api.patch("/items/1", {"area": "too late"})
    assert answer.status in ((404,) if point == SERVER else (404, 202, outcome)), answer
    assert fault.hits == 1
    daemon.redis.up()
    system.redis.drop_lease()
    system.await_up()
    if answer.status == 202:
        end = daemon.api.get(f"/operations/{answer.json()['operation']}").json()
        assert end["state"] == ("applied" if write == "delete" else "conflict"), end
    assert system.mysql.items() == {} and items_of(daemon) == []


# What MySQL has against a write that may be queued, the write and its answer, and what takes the
# obstacle away afterwards.
OBSTACLES = {
    "check": ("ALTER TABLE items ADD CONSTRAINT no_bad CHECK (area <> 'bad')",
              lambda api: api.post("/items", item(code="new", area="bad")), 422,
              "ALTER TABLE items DROP CONSTRAINT no_bad"),
    "unique": ("CREATE UNIQUE INDEX one ON items (code)",
               lambda api: api.post("/items", item(area="bad")), 422,
               "DELETE FROM items WHERE id=1"),
    "check, keyed": ("ALTER TABLE items ADD CONSTRAINT no_bad CHECK (area <> 'bad')",
                     lambda api: api.patch("/items/1", {"area": "bad"}, {"Idempotency-Key": "k"}), 422,
                     "ALTER TABLE items DROP CONSTRAINT no_bad"),
    "gone": ("DELETE FROM items WHERE id=1",
             lambda api: api.patch("/items/1", {"area": "bad"}), 404,
             "INSERT INTO items (id, code, type, status, area) VALUES (1, 'x', 'x', 'x', 'x')"),
    "changed": ("UPDATE items SET status='x', version=7 WHERE id=1",
                lambda api: api.patch("/items/1", {"area": "bad"},
                                      {"If-Match": api.get("/items/1").headers["ETag"]}), 412,
                "UPDATE items SET status='y' WHERE id=1"),
}


@pytest.mark.parametrize("obstacle, write, status, cure", OBSTACLES.values(), ids=OBSTACLES)
def test_what_may_be_queued_and_is_refused_is_not_done_later(system, obstacle, write, status, cure):
    """Redis queues the write and is gone with the answer; MySQL is back and does not do it."""
    daemon = system.start(proxied=True, RELEVO_WRITERS="1")
    daemon.api.post("/items", item())
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    system.redis.hold_lease()
    system.mysql.sql(obstacle)
    assert daemon.api.post("/items", item(code="first")).status == 202  # the script is known now
    fault = daemon.redis.arm(script("accept"), CLIENT, 0, down=True)
    wait_until(lambda: daemon.redis.silence(b"STREAMS"), 5, "nor does the log tell of it", pause=0)
    answers = []
    thread = threading.Thread(target=lambda: (answers.append(write(daemon.api)), daemon.api.close()))
    thread.start()
    daemon.redis.await_hit(fault)
    queued, = [json.loads(entry) for name in ("items:pending", "items:pending_updates")
               for entry in system.redis.db.lrange(name, 0, -1) if b"bad" in entry]
    daemon.mysql.up()
    thread.join()
    expect_problem(answers[0], status)
    system.mysql.sql(cure)
    daemon.redis.up()
    system.redis.drop_lease()
    system.await_up()
    assert "bad" not in [row[3] for row in system.mysql.items().values()]
    assert daemon.api.get(f"/operations/{queued['op']}").json()["state"] == "rejected"
    assert daemon.api.get("/sync/dead").json()["count"] == 0
    wait_until(lambda: mirror_is_mysql(system, daemon), 40, "the mirror is MySQL")


@pytest.mark.parametrize("end", [False, True])
def test_a_drain_that_hangs_holds_up_no_write(system, relevo, end):
    """Whoever drains without Redis is stopped with MySQL's lock in its hands."""
    for n in range(1, 3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    assert relevo.api.patch("/items/1", {"area": "off"}).status == 202
    system.redis_down()
    relevo.pause()
    system.mysql.start()
    with contextlib.closing(system.mysql.connect()) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(CONCAT('relevo_drain:', LEFT(SHA2(DATABASE(),256),32)), 0)")
        assert cursor.fetchall() == ((1,),)
        relevo.resume()
        relevo.await_health(mysql=True, redis=False)
        answers = []

        def change():
            started = time.monotonic()
            answer = relevo.api.patch("/items/1", {"status": "on"})
            answers.append((answer.status, time.monotonic() - started))
            relevo.api.close()
        thread = threading.Thread(target=change)
        thread.start()
        if not end:
            for n in range(20):
                started = time.monotonic()
                assert relevo.api.post("/items", item(code=f"D-{n}")).status == 201
                assert time.monotonic() - started < 0.3 * SLOW
        started = time.monotonic()
        if end:
            time.sleep(0.1)
            relevo.stop()
            assert time.monotonic() - started < 6 * SLOW
        thread.join()
        (status, took), = answers
        assert status == 200 and took < 2 + SLOW and (end or took > 0.5)
    assert system.mysql.items()[1][2:4] == ("on", "off")
    assert len(system.mysql.items()) == (2 if end else 22)
    system.redis.start()
    if end:
        relevo.start()
    system.await_up()
    assert system.mysql.items()[1][2:4] == ("on", "off")
    assert relevo.api.get("/sync/dead").json()["count"] == 0
    await_cache_exact(system, relevo)


def test_redis_that_comes_back_in_the_last_try_takes_the_write(system):
    """Whoever drains without Redis hangs, so the write drains by itself when its time is up; that takes
    a while, and its row is somebody's."""
    daemon = system.start(proxied=True, RELEVO_MYSQL_TIMEOUT="2s")
    path = f"/items/{daemon.api.post('/items', item()).data['id']}"
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    assert daemon.api.patch(path, {"area": "off"}).status == 202
    daemon.redis.down()
    daemon.await_health(redis=False)
    with contextlib.closing(system.mysql.connect(autocommit=False)) as holder, \
            holder.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool:
        cursor.execute("SELECT GET_LOCK(CONCAT('relevo_drain:', LEFT(SHA2(DATABASE(),256),32)), 0)")
        cursor.execute("SELECT * FROM items FOR UPDATE")
        daemon.mysql.up()
        daemon.await_health(mysql=True)
        fault = daemon.mysql.arm(b"FOR UPDATE SKIP LOCKED", SERVER, 0, stall=True)
        answer = pool.submit(daemon.api.patch, path, {"status": "on"})
        daemon.mysql.await_hit(fault)
        daemon.redis.up()
        daemon.await_health(redis=True)
        daemon.mysql.up()
        assert answer.result().status == 202
        holder.rollback()
    system.await_up()
    assert system.mysql.items()[1][2:4] == ("on", "off")


@pytest.mark.parametrize("restart", [False, True])
def test_keyed_writes_made_without_redis_are_remembered(system, relevo, restart):
    """Their outcomes reach Redis when it is back, for a repeat while MySQL is down."""
    for n in range(1, 4):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.redis_down()
    requests = [("POST", "/items", item(code="new")), ("PATCH", "/items/1", {"area": "x"}),
                ("PUT", "/items/2", item(code="put")), ("DELETE", "/items/3", None)]

    def send():
        return [relevo.api.request(method, path, body, {"Idempotency-Key": f"key-{n}"})
                for n, (method, path, body) in enumerate(requests)]
    first = send()
    assert [answer.status for answer in first] == [201, 200, 200, 200]
    rows = system.mysql.items()
    system.redis_up()
    wait_until(lambda: len(list(system.redis.db.scan_iter("items:done:*"))) == 4, 5, "the records")
    assert all(80000 < system.redis.db.ttl(name) <= 86400
               for name in system.redis.db.scan_iter("items:done:*"))
    if restart:
        relevo.stop()
        relevo.start()
    system.mysql_down()
    shown = items_of(relevo)
    for _ in range(2):
        again = send()
        assert [answer.status for answer in again] == [answer.status for answer in first]
        assert [answer.json() for answer in again] == [answer.json() for answer in first]
    assert system.pending() == 0 and items_of(relevo) == shown
    system.mysql_up()
    assert system.mysql.items() == rows
    await_cache_exact(system, relevo)


def test_what_was_drained_without_redis_does_not_block_the_next_outage(system, relevo):
    """Redis is back with its old lists, but MySQL is gone again before they are settled."""
    for n in range(1, 3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    relevo.api.patch("/items/1", {"area": "off"})
    temp = item_key(relevo.api.post("/items", item(code="off")).data)
    relevo.api.patch(temp, {"area": "off"})
    system.redis_down()
    system.mysql.start()
    wait_until(lambda: pending_counts(relevo) == (0, 0, 0), 10, "drained from memory")
    system.mysql_down()
    system.redis.start()
    relevo.await_health(redis=True)
    assert relevo.api.patch("/items/1", {"status": "later"}).status == 202
    assert relevo.api.patch("/items/1", {"type": "later"}).status == 202
    assert relevo.api.patch(temp, {"status": "later"}).status == 202
    system.mysql_up()
    rows = {row[0]: row[1:4] for row in system.mysql.items().values()}
    assert rows["C-1"] == ("later", "later", "off")
    assert rows["off"][1:] == ("later", "off") and len(rows) == 3
    assert relevo.api.get("/sync/dead").json()["count"] == 0
    await_cache_exact(system, relevo)
    await_consistent(relevo)


@pytest.mark.threads
def test_two_drains_at_once_double_nothing(system, rng):
    """Redis is back while its operations are drained from memory, by several at that."""
    daemons = [system.start() for _ in range(2)]
    for n in range(1, 31):
        daemons[0].api.post("/items", item(code=f"C-{n}"))
    for turn in range(2):
        system.mysql_down()
        for n in range(300):
            api = daemons[n % 2].api
            temp = item_key(api.post("/items", item(code=f"D-{turn}-{n}")).data)
            if n % 3 == 0:
                api.patch(temp, {"area": "off"})
            if n % 10 == 0:
                api.patch(f"/items/{n // 10 + 1}", {"area": f"off {turn}"})
        system.redis_down()
        system.mysql.start()
        time.sleep(rng.random() * 0.2)  # the probes' interval
        system.redis.start()
        system.await_up()
        rows = system.mysql.items()
        assert system.mysql.codes() == sorted([f"C-{n}" for n in range(1, 31)] + [
            f"D-{t}-{n}" for t in range(turn + 1) for n in range(300)])
        assert {rows[n][3] for n in range(1, 31)} == {f"off {turn}"}
        assert {row[3] for row in rows.values() if row[0][0] == "D" and int(row[0][4:]) % 3 == 0} \
            == {"off"}
        for daemon in daemons:
            wait_until(lambda: mirror_is_mysql(system, daemon), 10, "the mirror is MySQL")
            assert daemon.api.get("/sync/dead").json()["count"] == 0
    await_cache_exact(system, daemons[0])


def test_start_with_both_down(system):
    system.mysql.kill()
    system.redis.kill()
    relevo = system.start(wait="up")
    assert relevo.api.get("/health").status == 503
    assert relevo.api.post("/items", item()).status == 503
    system.mysql.start()
    system.redis.start()
    system.await_up()
    assert relevo.api.post("/items", item()).status == 201
    await_cache_exact(system, relevo)


# --- Redis loses its memory ---

def test_flush_online_puts_the_cache_back(system, relevo):
    for n in range(5):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.redis.wipe()
    await_cache_exact(system, relevo)
    assert len(items_of(relevo)) == 5
    assert relevo.api.post("/items", item(code="new")).status == 201
    assert_cache_exact(system, relevo)


def test_flush_online_loses_no_write(system, relevo):
    done = []
    stop = threading.Event()

    def write(worker):
        n = 0
        while not stop.is_set():
            done.append((f"{worker}-{n}", relevo.api.post("/items", item(code=f"{worker}-{n}")).status))
            n += 1
        relevo.api.close()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        system.redis.wipe()
        wait_until(lambda: system.redis.db.exists("items:cache"), 10, "items:cache is back")
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for _, status in done} <= {201, 202}
    system.await_drained()
    assert system.mysql.codes() == sorted(code for code, _ in done)
    wait_until(lambda: mirror_is_mysql(system, relevo), 5, "the mirror is MySQL")
    await_cache_exact(system, relevo)


def put_back(system, daemons, count):
    wait_until(lambda: system.pending() == count, 10,
               lambda: f"{count} operations are put back, there are {system.pending()}")
    for daemon in daemons:
        await_cache_exact(system, daemon)


def test_flush_in_an_outage_puts_the_operations_back(system, relevo):
    for n in range(4):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    key = item_key(relevo.api.post("/items", item(code="off")).data)
    relevo.api.patch(key, {"area": "off"})
    relevo.api.patch("/items/1", {"area": "off"})
    relevo.api.delete("/items/2")
    shown = items_of(relevo)
    system.redis.wipe()
    put_back(system, [relevo], 4)
    assert items_of(relevo) == shown
    assert relevo.api.patch("/items/3", {"area": "after"}).status == 202
    system.mysql_up()
    assert {row[0]: row[3] for row in system.mysql.items().values()} \
        == {"C-0": "off", "C-2": "after", "C-3": "Sala 1", "off": "off"}


def test_flush_in_an_outage_with_two_instances(system):
    one, other = system.start(), system.start()
    one.api.post("/items", item())
    system.mysql_down()
    for n in range(10):
        (one, other)[n % 2].api.post("/items", item(code=f"D-{n}"))
    other.api.patch("/items/1", {"area": "x"})
    system.redis.wipe()
    put_back(system, [one, other], 11)
    system.mysql_up()
    assert system.mysql.codes() == sorted(["PC-01"] + [f"D-{n}" for n in range(10)])
    assert system.mysql.items()[1][3] == "x"


def test_a_second_flush_does_no_more_harm(system, relevo):
    system.mysql_down()
    for n in range(5):
        relevo.api.post("/items", item(code=f"D-{n}"))
    for _ in range(3):
        system.redis.wipe()
        put_back(system, [relevo], 5)
    system.mysql_up()
    assert system.mysql.codes() == [f"D-{n}" for n in range(5)]


def test_flush_as_mysql_returns_doubles_nothing(system, relevo):
    for _ in range(3):
        system.mysql_down()
        before = len(system_codes(relevo))
        for n in range(20):
            relevo.api.post("/items", item(code=f"{before}-{n}"))
        system.mysql.launch()
        wait_until(lambda: system.mysql.accepts(), 20, "mysqld accepts", pause=0.005)
        system.redis.wipe()
        system.await_up()
        wait_until(lambda: mirror_is_mysql(system, relevo), 10, "the mirror is MySQL")
        assert len(system.mysql.items()) == before + 20
        assert len(set(system.mysql.codes())) == before + 20


def system_codes(relevo):
    return [shown["code"] for shown in items_of(relevo)]


def test_redis_restarted_without_its_data(system):
    """No AOF: the operations live in the instances alone for a while."""
    forgetful = Redis(system.logs, durable=False)
    forgetful.start()
    try:
        relevo = system.start(RELEVO_REDIS_URL=forgetful.url)
        relevo.api.post("/items", item())
        system.mysql_down()
        for n in range(5):
            assert relevo.api.post("/items", item(code=f"D-{n}")).status == 202
        relevo.api.patch("/items/1", {"area": "x"})
        forgetful.kill()
        relevo.await_health(redis=False)
        forgetful.start()
        relevo.await_health(redis=True)
        wait_until(lambda: pending_counts(relevo) == (5, 1, 0), 10, "they are pending")
        wait_until(lambda: forgetful.db.llen("items:pending") == 5, 10, "they are put back")
        system.mysql.start()
        relevo.await_health(mysql=True)
        wait_until(lambda: forgetful.db.llen("items:pending") == 0, 10, "drained")
        wait_until(lambda: len(system.mysql.items()) == 6, 10, "all are there")
        assert system.mysql.items()[1][3] == "x"
        assert sorted(set(system.mysql.codes())) == system.mysql.codes()
        relevo.stop()
    finally:
        forgetful.kill()


def test_durable_redis_killed_in_an_outage_keeps_the_operations(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    for n in range(20):
        relevo.api.post("/items", item(code=f"D-{n}"))
    relevo.api.delete("/items/1")
    relevo.kill()
    system.redis.kill()
    system.redis.start()
    assert system.pending() == 21
    system.mysql.start()
    relevo.start()
    system.await_drained()
    assert system.mysql.codes() == sorted(f"D-{n}" for n in range(20))


@pytest.mark.parametrize("read", ["one", "list"])
def test_what_was_read_without_redis_is_not_older_when_redis_is_back(system, read):
    """The instance that wrote it cannot tell the log, so only the reader knows."""
    a, b = system.start(), system.start()
    changed, deleted = (item_key(a.api.post("/items", item(code=code)).data) for code in "XY")
    wait_until(lambda: len(items_of(b)) == 2, 5, "the other shows both")
    system.redis_down()
    assert b.api.patch(changed, {"area": "new"}).status == 200
    assert b.api.delete(deleted).status == 200
    if read == "list":
        assert [row["area"] for row in items_of(a)] == ["new"]
    else:
        assert a.api.get(changed).data["area"] == "new"
        assert a.api.get(deleted).status == 404
    b.pause()
    system.redis.start()
    wait_until(lambda: a.api.get("/items").json()["source"] == "REDIS_CACHE", 10, "in step again")
    assert [row["area"] for row in items_of(a)] == ["new"]
    assert a.api.get(changed).data["area"] == "new"
    assert a.api.get(deleted).status == 404
    b.resume()
    system.await_up()
