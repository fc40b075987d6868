"""Several instances on one MySQL and Redis."""
import threading
import time

import pytest

from harness import (SLOW, assert_cache_exact, await_consistent, expect_problem, item, item_key,
                     items_of, row_of, wait_until)

pytestmark = pytest.mark.threads


@pytest.fixture
def two(system):
    return system.start(), system.start()


def test_a_create_is_readable_elsewhere_at_once(two):
    """A miss is confirmed before it becomes a 404."""
    one, other = two
    for n in range(50):
        made = one.api.post("/items", item(code=f"C-{n}")).data
        answer = other.api.get(item_key(made))
        assert answer.status == 200 and answer.data == made


@pytest.mark.parametrize("write", ["create", "patch", "delete"])
def test_a_change_is_listed_elsewhere_within_100_ms(two, write):
    one, other = two
    one.api.post("/items", item())
    wait_until(lambda: len(items_of(other)) == 1, 5, "both know the item")
    late = []
    for n in range(10):
        if write == "create":
            one.api.post("/items", item(code=f"C-{n}"))
        elif write == "patch":
            one.api.patch("/items/1", {"area": f"Sala {n}"})
        else:
            key = item_key(one.api.post("/items", item(code="D")).data)
            wait_until(lambda: other.api.get("/items?code=D").data, 5, "it arrived")
            one.api.delete(key)
        wanted = items_of(one)
        started = time.monotonic()
        wait_until(lambda: items_of(other) == wanted, 5, "the other shows the same", pause=0.002)
        late.append(time.monotonic() - started)
    assert sorted(late)[len(late) // 2] < 0.1 * SLOW, late


def test_writers_on_both_end_in_one_truth(system, two):
    counts = []

    def work(daemon, name):
        done = 0
        for n in range(40):
            made = daemon.api.post("/items", item(code=f"{name}-{n}"))
            done += made.status == 201
            done += daemon.api.patch(item_key(made.data), {"area": name}).status == 200
            if n % 4 == 0:
                done += daemon.api.delete(item_key(made.data)).status == 200
        counts.append(done)
        daemon.api.close()
    threads = [threading.Thread(target=work, args=(two[n % 2], f"W{n}")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [90] * 6
    rows = system.mysql.items()
    assert len(rows) == 6 * 30
    for daemon in two:
        wait_until(lambda: {shown["id"]: (*row_of(shown), shown["version"])
                            for shown in items_of(daemon)} == rows, 5, "the mirror is MySQL")
    assert_cache_exact(system, two[0])


def test_changes_of_one_item_on_both_never_go_back(system, two):
    one, other = two
    one.api.post("/items", item())
    assert other.api.get("/items/1").status == 200
    stop = threading.Event()
    faults = []

    def watch(daemon):
        last = 0
        while not stop.is_set():
            version = daemon.api.get("/items/1").data["version"]
            if version < last:
                faults.append((daemon.name, last, version))
            last = version
        daemon.api.close()
    watchers = [threading.Thread(target=watch, args=(daemon,)) for daemon in two]
    for watcher in watchers:
        watcher.start()
    for n in range(60):
        assert two[n % 2].api.patch("/items/1", {"area": f"{n}"}).status == 200
    stop.set()
    for watcher in watchers:
        watcher.join()
    assert not faults
    assert system.mysql.items()[1][5] == 61
    for daemon in two:
        wait_until(lambda: daemon.api.get("/items/1").data["area"] == "59", 5, "the last value")


def test_temporary_ids_work_on_any_instance(system, two):
    one, other = two
    system.mysql_down()
    made = one.api.post("/items", item()).data
    key = item_key(made)
    assert other.api.get(key).data == made
    assert other.api.patch(key, {"area": "x"}).status == 202
    assert one.api.get(key).data["area"] == "x"
    system.mysql_up()
    for daemon in two:
        shown = daemon.api.get(key).data
        assert isinstance(shown["id"], int) and shown["area"] == "x"
    assert other.api.patch(key, {"area": "y"}).status == 200
    system.mysql_down()
    assert one.api.get(key).data["area"] == "y"
    assert one.api.delete(key).status == 202
    wait_until(lambda: other.api.get(key).status == 404, 5, "the other follows")
    system.mysql_up()
    assert system.mysql.items() == {}


def test_an_instance_started_later_knows_the_temporary_ids(system, two):
    system.mysql_down()
    key = item_key(two[0].api.post("/items", item()).data)
    system.mysql_up()
    late = system.start()
    shown = late.api.get(key)
    assert shown.status == 200 and isinstance(shown.data["id"], int)
    system.mysql_down()
    assert late.api.get(key).data == shown.data


def test_outage_writes_on_all_are_drained_once(system):
    daemons = [system.start() for _ in range(3)]
    for n in range(6):
        daemons[0].api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(30):
        assert daemons[n % 3].api.post("/items", item(code=f"D-{n}")).status == 202
    for n in range(1, 5):
        assert daemons[n % 3].api.patch(f"/items/{n}", {"area": f"{n}"}).status == 202
    assert daemons[1].api.delete("/items/6").status == 202
    system.mysql_up()
    assert system.mysql.codes() == sorted([f"C-{n}" for n in range(5)] + [f"D-{n}" for n in range(30)])
    rows = system.mysql.items()
    assert [rows[n][3] for n in range(1, 6)] == ["1", "2", "3", "4", "Sala 1"]
    for daemon in daemons:
        await_consistent(daemon)
        assert {shown["id"]: (*row_of(shown), shown["version"])
                for shown in items_of(daemon)} == rows


def test_one_of_them_drains(system):
    daemons = [system.start() for _ in range(3)]
    system.mysql_down()
    for n in range(60):
        daemons[n % 3].api.post("/items", item(code=f"D-{n}"))
    system.mysql_up()
    assert len(system.mysql.items()) == 60


def test_a_killed_drainers_work_is_taken_over(system, two):
    one, other = two
    system.mysql_down()
    for n in range(40):
        one.api.post("/items", item(code=f"D-{n}"))
    other.pause()
    one.kill()
    system.mysql.start()
    other.resume()
    other.await_health(mysql=True, redis=True)
    # A lease that the dead one may have held runs out.
    system.await_drained(timeout=25)
    assert system.mysql.codes() == sorted(f"D-{n}" for n in range(40))


def test_a_paused_drainer_that_wakes_up_late_does_no_harm(system, two):
    one, _ = two
    system.mysql_down()
    for n in range(300):
        one.api.post("/items", item(code=f"D-{n}"))
    system.mysql.start()
    wait_until(lambda: system.pending() < 300 or system.redis.db.exists("sync:lease"), 10,
               "a drain begins", pause=0.001)
    one.pause()
    wait_until(lambda: system.pending() == 0, 30, "the other drains")
    one.resume()
    one.await_health(mysql=True, redis=True, mode="online")
    assert system.mysql.codes() == sorted(f"D-{n}" for n in range(300))
    for daemon in two:
        await_consistent(daemon)
        assert len(items_of(daemon)) == 300


def test_a_frozen_instance_catches_up(system, two):
    one, other = two
    other.pause()
    for n in range(100):
        one.api.post("/items", item(code=f"C-{n}"))
    one.api.delete("/items/7")
    other.resume()
    wait_until(lambda: items_of(other) == items_of(one), 5, "it caught up")


def test_a_later_instance_shows_what_is_pending(system):
    one = system.start()
    one.api.post("/items", item())
    system.mysql_down()
    one.api.post("/items", item(code="new"))
    one.api.patch("/items/1", {"area": "x"})
    late = system.start(wait="up")
    late.await_health(redis=True)
    assert items_of(late) == items_of(one)
