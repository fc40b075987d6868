"""The disk under MySQL runs full: it goes on answering, takes what still fits and no more."""
import pytest

from harness import await_the_same, expect_problem, item, wait_until
from harness.small_disk import SmallDisk

LONG = "á" * 100  # rows that need room soon


@pytest.fixture
def disk(system):
    system.mysql.stop()
    try:
        made = SmallDisk(system.mysql)
    except OSError as why:
        system.mysql.start()
        pytest.skip(str(why))  # neither root nor sudo, or a container that may not mount
    system.mysql.start()
    yield made
    made.free()
    system.finish()
    made.remove()


@pytest.fixture
def daemons(system, disk):
    made = [system.start(), system.start()]
    for n in range(10):
        assert made[0].api.post("/items", item(code=f"C-{n}")).status == 201
    return made


def create(daemon, code):
    return daemon.api.post("/items", item(code=code, area=LONG))


def create_until(daemon, wanted, status, count=5000):
    """Creates until one is answered with `status`."""
    for n in range(count):
        code = f"{daemon.name}-{len(wanted)}"
        answer = create(daemon, code)
        assert answer.status in (201, status), answer
        if answer.status in (201, 202):
            wanted[code] = LONG
        if answer.status == status:
            return answer
    raise AssertionError(f"{count} creates, and none was answered {status}")


def check(system, daemons, wanted):
    system.mysql.start()  # it may have given up
    rows = await_the_same(system, daemons)
    assert sorted((row[0], row[3]) for row in rows.values()) == sorted(wanted.items())


def initial():
    return {f"C-{n}": "Sala 1" for n in range(10)}


def test_what_does_not_fit_waits(system, disk, daemons):
    wanted = initial()
    disk.fill()
    create_until(daemons[0], wanted, 202)
    for n in range(40):
        daemon = daemons[n % 2]
        code = f"more-{n}"
        answer = daemon.api.post("/items", item(code=code, area=LONG),
                                 {"Idempotency-Key": code} if n % 3 == 0 else {})
        assert answer.status in (201, 202), answer
        wanted[code] = LONG
        answer = daemon.api.patch(f"/items/{1 + n % 9}", {"area": f"{LONG[:90]}{n}"})
        assert answer.status in (200, 202), answer
        wanted[f"C-{n % 9}"] = f"{LONG[:90]}{n}"
        assert [daemon.api.get(path).status for path in ("/items", "/items/1", "/health")] \
            == [200] * 3
    answer = daemons[1].api.delete("/items/10")
    assert answer.status in (200, 202), answer
    del wanted["C-9"]
    disk.free()
    check(system, daemons, wanted)
    assert create(daemons[0], "afterwards").status == 201


def test_a_drain_meets_a_full_disk(system, disk, daemons):
    """What it cannot write is no operation's fault."""
    wanted = initial()
    system.mysql_down()
    for n in range(400):
        assert create(daemons[n % 2], f"off-{n}").status == 202
        wanted[f"off-{n}"] = LONG
    for n in range(9):
        assert daemons[0].api.patch(f"/items/{n + 1}", {"area": LONG}).status == 202
        wanted[f"C-{n}"] = LONG
    for daemon in daemons:
        daemon.pause()
    system.mysql.start()
    disk.fill()
    for daemon in daemons:
        daemon.resume()
    wait_until(lambda: any(d.log_lines("(1114)") for d in daemons), 20, "MySQL refuses something")
    for n in range(10):
        answer = create(daemons[n % 2], f"on-{n}")
        assert answer.status in (201, 202), answer
        wanted[f"on-{n}"] = LONG
    assert system.pending() > 0
    assert daemons[0].api.get("/sync/dead").json()["count"] == 0
    disk.free()
    check(system, daemons, wanted)


def test_without_redis_what_does_not_fit_is_refused(system, disk, daemons):
    wanted = initial()
    system.redis_down()
    disk.fill()
    answer = create_until(daemons[0], wanted, 503)
    expect_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    for daemon in daemons:
        answer = daemon.api.get("/items")
        assert answer.status == 200 and len(answer.data) == len(wanted)
    disk.free()
    system.mysql.start()
    wait_until(lambda: create(daemons[0], "afterwards").status == 201, 10, "MySQL takes it")
    wanted["afterwards"] = LONG
    system.redis.start()
    check(system, daemons, wanted)


def test_killed_with_a_full_disk(system, disk, daemons):
    """It may not even start again before there is room."""
    wanted = initial()
    disk.fill()
    create_until(daemons[0], wanted, 202)
    system.mysql_down()
    create_until(daemons[1], wanted, 202)
    system.mysql.launch()
    for n in range(20):
        assert create(daemons[n % 2], f"off-{n}").status in (201, 202)
        wanted[f"off-{n}"] = LONG
    disk.free()
    check(system, daemons, wanted)
