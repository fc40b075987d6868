"""A Redis that runs and answers, but takes no writes: out of memory, a replica, loading, ..."""
import time

import pytest

from harness import (await_the_same, expect_problem, item, item_key, items_of, refusing_redis,
                     wait_until)

every_way = pytest.mark.parametrize("way", refusing_redis.WAYS)


@pytest.fixture
def refusing(system, way):
    """A context in which Redis refuses."""
    if way == "loading":
        refusing_redis.put_ballast(system.redis)
    return lambda: refusing_redis.WAYS[way](system.redis)


@pytest.fixture
def daemons(system):
    """Two instances and ten items."""
    made = [system.start(), system.start()]
    for n in range(10):
        assert made[0].api.post("/items", item(code=f"C-{n}")).status == 201
    return made


def write_round(daemon, n, wanted):
    """One write of each kind; the answers. `wanted` is {code: area}, and what has to come of it."""
    made = daemon.api.post("/items", item(code=f"W-{n}"))
    keyed = daemon.api.post("/items", item(code=f"K-{n}"), {"Idempotency-Key": f"key-{n}"})
    changed = daemon.api.patch("/items/1", {"area": f"area {n}"})
    put = daemon.api.put("/items/2", item(code="C-1", area=f"area {n}"))
    answers = [made, keyed, changed, put]
    if made.status in (201, 202):
        answers.append(daemon.api.delete(item_key(made.data)))
    if keyed.status in (201, 202):
        wanted[f"K-{n}"] = "Sala 1"
    if changed.status in (200, 202):
        wanted["C-0"] = f"area {n}"
    if put.status in (200, 202):
        wanted["C-1"] = f"area {n}"
    return answers


def read_round(daemon):
    return [daemon.api.get(path) for path in ("/items", "/items/1", "/items?limit=3", "/health",
                                              "/sync/status", "/instances", "/metrics")]


def check(system, daemons, wanted):
    """All of it is in MySQL, and the same in the cache and in every instance."""
    rows = await_the_same(system, daemons)
    assert {row[0]: row[3] for row in rows.values()} == wanted


def initial():
    return {f"C-{n}": "Sala 1" for n in range(10)}


def queue_some(system, daemons):
    """MySQL is down, and Redis has operations of every kind; what has to come of them."""
    wanted = initial()
    system.mysql_down()
    for daemon in daemons:
        for answer in write_round(daemon, f"{daemon.name}1", wanted):
            assert answer.status == 202, answer
    return wanted


@every_way
def test_with_mysql_everything_goes_on(system, daemons, refusing, way):
    wanted = initial()
    with refusing():
        for daemon in daemons:
            daemon.await_health(redis=False)
        ups = [len(daemon.log_lines("Redis is up")) for daemon in daemons]
        until, n = time.monotonic() + 3, 0  # more than one heartbeat
        while time.monotonic() < until:
            n += 1
            daemon = daemons[n % 2]
            for answer in write_round(daemon, n, wanted):
                assert answer.status in (200, 201), answer
            for answer in read_round(daemon):
                assert answer.status == 200, answer
        assert {daemon.health()["redis"] for daemon in daemons} == {False}
        # It does not go up and down meanwhile.
        assert [len(daemon.log_lines("Redis is up")) for daemon in daemons] == ups
    check(system, daemons, wanted)
    write_round(daemons[0], n, wanted)  # a keyed repeat is known
    check(system, daemons, wanted)


@every_way
def test_from_the_first_write_on_nothing_is_refused(system, daemons, refusing, way):
    """Also before a probe has seen it."""
    wanted = initial()
    with refusing():
        for n in range(5):
            for daemon in daemons:
                for answer in write_round(daemon, f"{daemon.name}{n}", wanted) + read_round(daemon):
                    assert answer.status in (200, 201), answer
    check(system, daemons, wanted)


@every_way
def test_without_mysql_writes_are_refused_and_reads_go_on(system, daemons, refusing, way):
    wanted = queue_some(system, daemons)
    shown = items_of(daemons[1])
    with refusing():
        for daemon in daemons:
            daemon.await_health(redis=False)
        for daemon in daemons:
            for answer in write_round(daemon, "no", wanted):
                expect_problem(answer, 503)
                assert int(answer.headers["Retry-After"]) > 0
            for path in ("/items", "/items/1", "/items?limit=3"):
                answer = daemon.api.get(path)
                assert answer.status == 200 and answer.json()["stale"] is True
            expect_problem(daemon.api.get("/items/777"), 503)  # who knows
            expect_problem(daemon.api.post("/items", {}), 422)
        assert items_of(daemons[1]) == shown
    for daemon in daemons:
        daemon.await_health(redis=True)
        for answer in write_round(daemon, f"{daemon.name}2", wanted):
            assert answer.status == 202, answer
    system.mysql.start()
    check(system, daemons, wanted)


@every_way
def test_what_waits_is_drained_without_redis(system, daemons, refusing, way):
    """Redis takes nothing any more, with its lists full, and MySQL is back."""
    wanted = queue_some(system, daemons)
    with refusing():
        for daemon in daemons:
            daemon.await_health(redis=False)
        system.mysql.start()
        for daemon in daemons:
            daemon.await_health(mysql=True)
        for daemon in daemons:
            for answer in write_round(daemon, f"{daemon.name}2", wanted) + read_round(daemon):
                assert answer.status in (200, 201), answer
        wait_until(lambda: {row[0]: row[3] for row in system.mysql.items().values()} == wanted, 10,
                   "what waited is in MySQL")
    check(system, daemons, wanted)


@pytest.mark.parametrize("way", ["out_of_memory", "no_replicas", "snapshot_failed"])
def test_who_starts_anew_reads_what_waits_in_it(system, relevo, refusing, way):
    relevo.api.post("/items", item(code="C-0"))
    system.mysql_down()
    assert relevo.api.patch("/items/1", {"area": "older"}).status == 202
    made = relevo.api.post("/items", item(code="C-1")).data
    with refusing():
        relevo.await_health(redis=False)
        relevo.stop()
        relevo.start(wait="up")
        assert relevo.api.get("/items/1").data["area"] == "older"
        assert relevo.api.get(item_key(made)).data["code"] == "C-1"
        system.mysql.start()
        wait_until(lambda: system.mysql.codes() == ["C-0", "C-1"], 10, "it is drained")
        assert relevo.api.patch("/items/1", {"area": "newer"}).status == 200
    check(system, [relevo], {"C-0": "newer", "C-1": "Sala 1"})


@pytest.mark.parametrize("key", [None, "once"])
def test_what_nobody_could_read_does_not_undo_what_came_later(system, relevo, key):
    """Redis is dead while a daemon starts anew: it writes what may be newer than what waits."""
    relevo.api.post("/items", item(code="C-0"))
    system.mysql_down()
    older = relevo.api.patch("/items/1", {"area": "older"}).json()["operation"]
    system.redis_down()
    relevo.stop()
    system.mysql.start()
    relevo.start(wait="up")
    relevo.await_health(mysql=True)
    headers = {"Idempotency-Key": key} if key else {}
    assert relevo.api.patch("/items/1", {"area": "newer"}, headers).status == 200
    system.redis_up()
    row, = await_the_same(system, [relevo], letters=1).values()
    assert row[3] == "newer"
    letter, = relevo.api.get("/sync/dead").json()["data"]
    assert (letter["operation"], letter["reason"]) == (older, "conflict")
    assert letter["data"]["area"] == "older"
