"""A MySQL that runs and answers, but takes no writes or no sessions: it counts as down."""
import time

import pytest

from harness import MySQL, await_the_same, expect_problem, item, refusing_mysql

every_way = pytest.mark.parametrize("way", [
    pytest.param(name, marks=pytest.mark.skipif(
        name in refusing_mysql.MYSQL_ONLY and not MySQL.root, reason="MariaDB has no such mode"))
    for name in refusing_mysql.WAYS])


@pytest.fixture
def refusing(system, way):
    return lambda: refusing_mysql.WAYS[way](system.mysql)


@pytest.fixture
def daemons(system):
    """Two instances and ten items."""
    made = [system.start(), system.start()]
    for n in range(10):
        assert made[0].api.post("/items", item(code=f"C-{n}")).status == 201
    return made


def write_round(daemon, n, wanted):
    """One write of each kind; `wanted` is {code: area} that has to come of it."""
    made = daemon.api.post("/items", item(code=f"N-{n}"))
    keyed = daemon.api.post("/items", item(code=f"K-{n}"), {"Idempotency-Key": f"key-{n}"})
    changed = daemon.api.patch("/items/1", {"area": f"area {n}"})
    answers = [made, keyed, changed]
    if made.status in (201, 202):
        answers.append(daemon.api.patch(f"/items/{made.data['id']}", {"area": f"area {n}"}))
        wanted[f"N-{n}"] = f"area {n}"
    if keyed.status in (201, 202):
        answers.append(daemon.api.delete(f"/items/{keyed.data['id']}"))
    if changed.status in (200, 202):
        wanted["C-0"] = f"area {n}"
    return answers


def check(system, daemons, wanted):
    rows = await_the_same(system, daemons)
    assert {row[0]: row[3] for row in rows.values()} == wanted


def initial():
    return {f"C-{n}": "Sala 1" for n in range(10)}


@every_way
def test_writes_are_queued_and_reads_go_on(system, daemons, refusing, way):
    wanted = initial()
    with refusing():
        for daemon in daemons:  # also before a probe has seen it
            for answer in write_round(daemon, f"{daemon.name}-first", wanted):
                assert answer.status in (200, 201, 202), answer
        for daemon in daemons:
            daemon.await_health(mysql=False)
        ups = [len(daemon.log_lines("MySQL is up")) for daemon in daemons]
        until, n = time.monotonic() + 1.5, 0
        while time.monotonic() < until:
            n += 1
            daemon = daemons[n % 2]
            for answer in write_round(daemon, n, wanted):
                assert answer.status == 202, answer
            for path in ("/items", "/items/1", "/health", "/sync/status", "/operations/none"):
                assert daemon.api.get(path).status in (200, 404)
        # It does not go up and down meanwhile.
        assert [len(daemon.log_lines("MySQL is up")) for daemon in daemons] == ups
    check(system, daemons, wanted)


@every_way
def test_without_redis_writes_are_refused(system, daemons, refusing, way):
    wanted = initial()
    system.redis_down()
    with refusing():
        for daemon in daemons:
            daemon.await_health(mysql=False)
            for answer in write_round(daemon, "no", wanted):
                expect_problem(answer, 503)
                assert int(answer.headers["Retry-After"]) > 0
            answer = daemon.api.get("/items")
            assert answer.status == 200 and answer.json()["stale"] is True
    for daemon in daemons:
        daemon.await_health(mysql=True)
        for answer in write_round(daemon, f"{daemon.name}-on", wanted):
            assert answer.status in (200, 201), answer
    system.redis.start()
    check(system, daemons, wanted)


@every_way
def test_a_drain_is_refused(system, daemons, refusing, way):
    wanted = initial()
    system.mysql_down()
    for n in range(30):
        for answer in write_round(daemons[n % 2], n, wanted):
            assert answer.status == 202, answer
    for daemon in daemons:
        daemon.pause()
    system.mysql.start()
    with refusing():
        for daemon in daemons:
            daemon.resume()
        for daemon in daemons:
            for answer in write_round(daemon, f"{daemon.name}-off", wanted):
                assert answer.status == 202, answer
        assert system.pending() > 0
    check(system, daemons, wanted)
