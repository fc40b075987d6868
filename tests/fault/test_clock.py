"""Wall clocks that are wrong, differ, and are stepped back and forth: nothing depends on them but
times that are shown, and who wins a true conflict."""
import datetime
import threading
import time

import pytest

from harness import Crowd, await_the_same, item, item_key, items_of, sync_status, wait_until
from harness.proxy import SERVER
from harness.redis_server import script

MINUTE, HOUR, DAY = 60, 3600, 86400


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.fixture
def daemons(system):
    return [system.start(clock=True) for _ in range(2)]


STEPS = pytest.mark.parametrize("step", [-20 * 365 * DAY, -HOUR, -1, 1, HOUR, 20 * 365 * DAY],
                                ids=lambda s: f"{s:+}s")


@STEPS
def test_a_step_between_two_operations_on_an_item(system, daemons, step):
    """Their order is that of their acceptance, on whichever instance."""
    one, other = daemons
    for n in range(4):
        assert one.api.post("/items", item(code=f"C-{n}")).status == 201
    system.mysql_down()
    made = one.api.post("/items", item(code="off")).json()
    temp = item_key(made["data"])
    for path in ("/items/1", "/items/2", "/items/3", temp):
        assert one.api.patch(path, {"area": "first", "status": "first"}).status == 202
    one.clock.step_to(step)
    assert one.api.patch("/items/1", {"area": "later"}).status == 202
    assert other.api.patch("/items/2", {"area": "later"}).status == 202
    assert one.api.delete("/items/3").status == 202
    assert one.api.patch(temp, {"area": "later"}).status == 202
    for daemon in daemons:
        for path in ("/items/1", "/items/2", temp):
            shown = wait_until(lambda d=daemon, p=path: (row := d.api.get(p).data)["area"] == "later"
                               and row, 5, "the later one is shown")
            assert shown["status"] == "first"
        assert daemon.api.get("/items/3").status == 404
    one.clock.step_to(2 * step)
    operation = one.api.patch("/items/1", {"status": "last"}).json()["operation"]
    system.mysql_up()
    rows = await_the_same(system, daemons)
    assert {row[0]: row[2:4] for row in rows.values()} == {
        "C-0": ("last", "later"), "C-1": ("first", "later"), "C-3": ("Operativa", "Sala 1"),
        "off": ("first", "later")}
    told = other.api.get(f"/operations/{operation}").json()
    assert told["state"] == "applied"
    assert abs(utc(told["accepted_at"]) - time.time() - 2 * step) < HOUR / 2 or abs(step) < HOUR


@pytest.mark.parametrize("ahead", [0, 1], ids=["first-ahead", "second-ahead"])
def test_instances_whose_clocks_differ_take_turns(system, daemons, ahead):
    daemons[ahead].clock.step_to(10 * MINUTE)
    daemons[1 - ahead].clock.step_to(-10 * MINUTE)
    assert daemons[0].api.post("/items", item()).status == 201
    for round_ in range(3):
        system.mysql_down()
        for n in range(10):
            # As one client would, who asks any of them: the item is the one it left.
            answer = daemons[n % 2].api.patch("/items/1", {"area": f"{round_}-{n}"})
            assert answer.status == 202 and answer.data["area"] == f"{round_}-{n}", answer
        system.mysql_up()
        assert await_the_same(system, daemons)[1][3] == f"{round_}-9"
        for n in range(4):
            answer = daemons[n % 2].api.patch("/items/1", {"status": f"{round_}-{n}"})
            assert answer.status == 200, answer
    assert await_the_same(system, daemons)[1][2:4] == ("2-3", "2-9")


@STEPS
def test_keys_and_temporary_ids_outlive_a_step(system, daemons, step):
    one, other = daemons
    key = {"Idempotency-Key": "online"}
    made = one.api.post("/items", item(code="on"), key)
    assert made.status == 201
    system.mysql_down()
    queued = one.api.post("/items", item(code="off"), {"Idempotency-Key": "offline"})
    temp = item_key(queued.data)
    for daemon in daemons:
        daemon.clock.step_to(step)
    again = one.api.post("/items", item(code="off"), {"Idempotency-Key": "offline"})
    assert again.status == 202 and again.data["id"] == queued.data["id"]
    system.mysql_up()
    for daemon in daemons:
        assert daemon.api.post("/items", item(code="on"), key).json() == made.json()
        again = daemon.api.post("/items", item(code="off"), {"Idempotency-Key": "offline"})
        assert again.status == 201
        assert daemon.api.get(temp).data["id"] == again.data["id"]
        daemon.clock.step_to(-step)
        assert daemon.api.get(temp).data["id"] == again.data["id"]
    assert sorted(row[0] for row in await_the_same(system, daemons).values()) == ["off", "on"]


@STEPS
def test_the_loop_goes_on(system, daemons, step):
    """Leases, intervals and time-outs are of another clock."""
    one, other = daemons
    assert one.api.post("/items", item()).status == 201
    for offset in (step, 0):
        for daemon in daemons:
            daemon.clock.step_to(offset)
        rebuilds = sync_status(one)["rebuilds_total"]
        system.mysql.sql("UPDATE items SET area=%s", (f"foreign {offset}",))
        wait_until(lambda: sync_status(other)["rebuilds_total"] > rebuilds, 10, "it is found")
        assert await_the_same(system, daemons)[1][3] == f"foreign {offset}"
        system.mysql_down()
        assert one.api.patch("/items/1", {"area": "off"}).status == 202
        system.mysql_up()
        assert await_the_same(system, daemons)[1][3] == "off"


@STEPS
def test_instances_know_each_other(system, daemons, step):
    one, other = daemons
    one.clock.step_to(step)
    for daemon in daemons:
        # As of a heartbeat after the step.
        wait_until(lambda d=daemon: sync_status(d)["instances"] == 2, 10,
                   lambda d=daemon: f"two instances, not {sync_status(d)['instances']}")
        seen = len(system.redis.db.zrange("sync:instances", 0, -1))
        assert seen == 2

    def both_seen(daemon, since):
        shown = {row["instance"]: utc(row["last_seen"]) for row in daemon.api.get("/instances").json()}
        return set(shown) == {"a", "b"} and min(shown.values()) >= since
    since = int(time.time()) + 1
    for daemon in daemons:
        wait_until(lambda d=daemon: both_seen(d, since), 10, "both are seen")
        for row in daemon.api.get("/instances").json():
            assert abs(utc(row["last_seen"]) - time.time()) < MINUTE, row
        assert sync_status(daemon)["instances"] == 2


@pytest.mark.parametrize("step", [-HOUR, 0])
def test_a_retry_counts_though_the_clock_went_back(system, daemons, step):
    """Each is later than the attempts before it, whatever the time is said to be."""
    one, other = daemons
    assert one.api.post("/items", item()).status == 201
    system.mysql_down()
    operation = one.api.patch("/items/1", {"area": "bad"}).json()["operation"]
    for daemon in daemons:
        daemon.pause()
    system.mysql.start()
    system.mysql.sql("ALTER TABLE items ADD CONSTRAINT no_bad CHECK (area <> 'bad')")
    for daemon in daemons:
        daemon.resume()
    system.await_up()

    def letter():
        found = other.api.get("/sync/dead").json()["data"]
        return found and system.pending() == 0 and found[0]
    for _ in range(3):
        before = wait_until(letter, 10, "a letter")
        one.clock.step_to(one.clock.offset_s + step)
        assert one.api.post(f"/sync/dead/{operation}/retry").status == 202
        after = wait_until(lambda b=before: (now := letter()) and now["accepted_at"] != b["accepted_at"]
                           and now, 10, "it is refused again")
        assert after["accepted_at"] > before["accepted_at"]
    one.clock.step_to(one.clock.offset_s + step)
    assert one.api.post(f"/sync/dead/{operation}/retry", {"area": "good"}).status == 202
    system.await_drained()
    assert one.api.get(f"/operations/{operation}").json()["state"] == "applied"
    assert await_the_same(system, daemons)[1][3] == "good"


def test_a_late_change_of_a_deleted_item_meets_its_tombstone(system):
    """It stays as long as it is needed, though a step makes it look old."""
    never = {"RELEVO_SYNC_INTERVAL": "1h"}
    one, other = system.start(clock=True, **never), system.start(proxied=True, **never)
    assert other.api.post("/items", item(code="first")).status == 201
    fault = other.redis.arm(script("append"), SERVER, 0, stall=True)
    creating = threading.Thread(target=lambda: (other.api.post("/items", item(code="late")),
                                                other.api.close()))
    creating.start()
    other.redis.await_hit(fault)
    other.pause()  # the row is in MySQL, the log does not know it yet
    assert one.api.delete("/items/2").status == 200
    one.clock.step_to(2 * HOUR)
    checked = sync_status(one)["last_sync"]

    def checks():  # once a lease of the stopped one has run out, if it had one
        one.api.post("/sync/run")
        return sync_status(one)["last_sync"] != checked
    wait_until(checks, 30, "a cycle")
    logged = int(system.redis.db.hget("items:log", "seq"))
    other.redis.up()
    wait_until(lambda: int(system.redis.db.hget("items:log", "seq")) > logged, 5, "it is logged")
    assert one.api.post("/items", item(code="next")).status == 201  # follows the log
    assert [shown["code"] for shown in items_of(one)] == ["first", "next"]
    other.resume()
    creating.join()
    await_the_same(system, [one, other])


@pytest.mark.threads
def test_steps_under_writing_clients(system, rng):
    daemons = [system.start(clock=True) for _ in range(3)]
    crowd = Crowd(9, [daemon.port for daemon in daemons], rng)
    stop = threading.Event()

    def step():
        while not stop.wait(0.05):
            span = rng.choice((1, MINUTE, HOUR, 400 * DAY))
            rng.choice(daemons).clock.step_to((rng.random() * 2 - 1) * span)
    stepper = threading.Thread(target=step)
    stepper.start()
    try:
        for _ in range(4):
            seen = crowd.count
            wait_until(lambda s=seen: crowd.count > s + 100, 30, "writes")
            system.mysql_down()
            seen = crowd.count
            wait_until(lambda s=seen: crowd.count > s + 100, 30, "writes")
            system.mysql.start()
            system.await_up(drained=False)
    finally:
        stop.set()
        stepper.join()
        crowd.stop()
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes
    system.await_up()
    crowd.check(system)
    await_the_same(system, daemons)
