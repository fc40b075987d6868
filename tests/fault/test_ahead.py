"""Without budget for the snapshot a write is answered while its log entry is on its way: it is shown
at once where it was written, and gets into the log, whatever becomes of Redis meanwhile."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import (Crowd, await_cache_exact, await_the_same, expect_problem, item, items_of,
                     pending_counts, sync_status, wait_until)
from harness.metrics import value
from harness.proxy import CLIENT, SERVER
from harness.redis_server import script

CALM = {"RELEVO_SYNC_INTERVAL": "1h", "RELEVO_REDIS_TIMEOUT": "20s"}
ROWS = 12  # more than the budget


@pytest.fixture
def near(system):
    """Its snapshots never keep step. No check repairs what its log lacks."""
    daemon = system.start(proxied=True, RELEVO_PUBLISH_BUDGET="1KiB", **CALM)
    for n in range(ROWS):
        assert daemon.api.post("/items", item(code=f"R-{n}")).status == 201
    return daemon


@pytest.fixture
def far(system, near):
    daemon = system.start(**CALM)
    wait_until(lambda: len(items_of(daemon)) == ROWS, 5, "it has the rows")
    return daemon


WRITES = {
    "create": (lambda api: api.post("/items", item(code="new")), 201),
    "put": (lambda api: api.put("/items/3", item(code="new")), 200),
    "patch": (lambda api: api.patch("/items/3", {"code": "new"}), 200),
    "delete": (lambda api: api.delete("/items/3"), 200),
}


def told(system):
    """How many entries of the log speak of items; others carry what the cycles have to say."""
    entries = system.redis.db.xrange("items:changes")
    return sum(not entry[b"c"].startswith(b'[{"t":"sync"') for _, entry in entries)


def checked_the_same(system, daemons):
    """By checks of now: they come once in an hour else."""
    def consistent():
        daemons[0].api.post("/sync/run")
        return sync_status(daemons[0])["is_consistent"]
    wait_until(consistent, 15, "a check finds nothing wrong", pause=0.1)
    await_the_same(system, daemons)


@pytest.mark.parametrize("kind", WRITES)
def test_it_is_answered_and_shown_before_redis_answers(system, near, far, kind):
    write, code = WRITES[kind]
    fault = near.redis.arm(script("append"), CLIENT, 0, stall=True)
    before = told(system)
    answer = write(near.api)
    assert answer.status == code and answer.json()["source"] == "MySQL"
    shown = {row["id"]: row for row in items_of(near)}
    near.redis.await_hit(fault)
    assert not near.log_lines("no answer in time")  # nor is it given up meanwhile
    if kind == "delete":
        assert 3 not in shown
        assert near.api.get("/items/3").status == 404
    else:
        assert shown[answer.data["id"]] == answer.data
        assert near.api.get(f"/items/{answer.data['id']}").data == answer.data
    # Redis has it, and once: the follower did not take it for one that is in no log.
    wait_until(lambda: items_of(far) == items_of(near), 5, "the other one follows")
    assert told(system) == before + 1
    near.redis.up()
    assert near.api.post("/items", item(code="next")).status == 201
    checked_the_same(system, [near, far])
    await_cache_exact(system, near)


@pytest.mark.parametrize("kind", WRITES)
def test_redis_dies_before_it_has_the_entry(system, near, far, kind):
    write, code = WRITES[kind]
    near.redis.arm(script("append"), SERVER, 0, down=True)
    before = told(system)
    assert write(near.api).status == code
    shown = items_of(near)
    assert told(system) == before
    system.redis.kill()
    near.await_health(redis=False)
    near.redis.disarm()
    near.redis.up()
    system.redis.start()
    near.await_health(redis=True)
    wait_until(lambda: items_of(far) == shown == items_of(near), 10, "all show it")
    checked_the_same(system, [near, far])
    await_cache_exact(system, near)


def test_another_instance_finds_it_before_redis_has_it(system, near, far):
    fault = near.redis.arm(script("append"), SERVER, 0, stall=True)
    made = near.api.post("/items", item(code="new"))
    near.redis.await_hit(fault)
    answer = far.api.get(f"/items/{made.data['id']}")
    assert answer.status == 200 and answer.data == made.data
    assert made.data in items_of(far)  # and not only once
    expect_problem(far.api.get(f"/items/{made.data['id'] + 1}"), 404)
    near.redis.up()
    checked_the_same(system, [near, far])


def patched_meanwhile(near, far, n, long_gone):
    """Changes an item, and what that leaves is to be changed elsewhere, where MySQL has just gone, or
    long ago, and the entry is still on its way to Redis. The answer; None: the entry came too late."""
    if long_gone:
        far.mysql.down()
        far.await_health(mysql=False)
        gone = time.monotonic()
        wait_until(lambda: time.monotonic() > gone + 0.1, 5, "some time")
    fault = near.redis.arm(script("append"), SERVER, 0, stall=True)
    changed = near.api.patch("/items/1", {"area": f"Sala {n}"})
    near.redis.await_hit(fault)
    logged = len(far.log_lines("MySQL is down"))
    asked = value(far, "http_requests_in_flight")
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        far.mysql.down()
        answer = pool.submit(far.api.patch, "/items/1", {"area": f"Aula {n}"},
                             {"If-Match": changed.headers["ETag"]})
        if long_gone:
            wait_until(lambda: value(far, "http_requests_in_flight") > asked or answer.done(), 5,
                       "it is asked", pause=0.001)
        else:
            wait_until(lambda: far.log_lines("MySQL is down")[logged:], 5, "it notices", pause=0.001)
        near.redis.up()
        late = time.monotonic() - began > 0.04
        answer = answer.result()
    far.mysql.up()
    far.await_health(mysql=True)
    wait_until(lambda: pending_counts(near) == (0, 0, 0), 10, "it is drained")
    return None if late else answer


@pytest.mark.parametrize("long_gone", [False, True], ids=["just gone", "gone for long"])
def test_mysql_is_gone_while_the_entry_is_on_its_way(system, near, long_gone):
    """What another instance knows as it was a moment ago, it does not refuse."""
    far = system.start(proxied=True, **CALM)
    wait_until(lambda: len(items_of(far)) == ROWS, 5, "it has the rows")
    for n in range(10):
        answer = patched_meanwhile(near, far, n, long_gone)
        if answer is not None:
            break
    assert answer is not None and answer.status == 202, answer
    checked_the_same(system, [near, far])


def test_redis_forgets_everything_while_the_entry_is_on_its_way(system, near, far):
    fault = near.redis.arm(script("append"), SERVER, 0, stall=True)
    assert near.api.post("/items", item(code="new")).status == 201
    near.redis.await_hit(fault)
    system.redis.db.flushall()
    near.redis.up()
    wait_until(lambda: len(items_of(near)) == len(items_of(far)) == ROWS + 1, 10, "all show it")
    checked_the_same(system, [near, far])
    await_cache_exact(system, near)


def test_a_keyed_write_has_its_record_first(system, near, far):
    """Its repeat may come to any instance, and MySQL may be gone by then."""
    for n in range(20):
        headers = {"Idempotency-Key": f"key-{n}"}
        created = near.api.post("/items", item(code=f"K-{n}"), headers)
        assert created.status == 201
        assert len(system.redis.db.keys("items:done:*")) == n + 1
    system.mysql.kill()
    near.await_health(mysql=False)
    far.await_health(mysql=False)
    again = far.api.post("/items", item(code="K-19"), headers)
    assert again.status == 201 and again.data["id"] == created.data["id"]


def test_a_check_meanwhile_publishes_what_the_log_has(system, near):
    """Other instances hold the snapshot against the log: a row that is still on its way is none of
    it."""
    seq, snap = 0, 0
    while seq == snap:  # until the snapshot is behind, so that the check wants to publish one
        assert near.api.patch("/items/1", {"area": "all of it differs"}).status == 200
        seq, snap = system.redis.db.hmget("items:log", "seq", "snap")
    fault = near.redis.arm(script("append"), SERVER, 0, stall=True)
    assert near.api.post("/items", item(code="on-its-way")).status == 201
    near.redis.await_hit(fault)
    checked = sync_status(near)["last_sync"]

    def checks():
        near.api.post("/sync/run")
        return sync_status(near)["last_sync"] != checked
    wait_until(checks, 30, "a check")
    assert "on-its-way" in [row["code"] for row in items_of(near)]
    assert b"on-its-way" not in system.redis.db.get("items:cache")
    near.redis.up()
    checked_the_same(system, [near])
    assert b"on-its-way" in system.redis.db.get("items:cache")
    assert not near.log_lines("differs from the log")


def test_a_check_meanwhile_finds_nothing_wrong(system, near, far, rng):
    """What is on its way is shown by one instance alone: that is no difference."""
    before = sync_status(near)["rebuilds_total"]
    crowd = Crowd(6, [near.port], rng)
    try:
        for _ in range(15):
            checked = sync_status(near)["last_sync"]

            def checks(last=checked):
                near.api.post("/sync/run")
                return sync_status(near)["last_sync"] != last
            wait_until(checks, 20, "a check")
    finally:
        crowd.stop()
    assert sync_status(near)["rebuilds_total"] == before
    assert not [line for daemon in (near, far) for line in daemon.log_lines("differs from")]
    checked_the_same(system, [near, far])
