"""GET /instances, heartbeats and counters."""
import time

from harness import SLOW, item, wait_until


def instances(daemon):
    answer = daemon.api.get("/instances")
    assert answer.status == 200, answer
    return {entry["instance"]: entry for entry in answer.json()}


def test_one_instance(relevo):
    wait_until(lambda: "a" in instances(relevo), 5, "the heartbeat")
    shown = instances(relevo)["a"]
    assert list(shown) == ["instance", "status", "requests", "last_seen"]
    assert shown["status"] == "Online"
    assert isinstance(shown["requests"], int)


def test_every_instance_shows_all(system):
    daemons = [system.start() for _ in range(3)]
    for daemon in daemons:
        wait_until(lambda: set(instances(daemon)) == {"a", "b", "c"}, 5, "three heartbeats")


def test_a_stopped_instance_disappears(system):
    one, two = system.start(), system.start()
    wait_until(lambda: set(instances(one)) == {"a", "b"}, 5, "two heartbeats")
    two.kill()
    wait_until(lambda: set(instances(one)) == {"a"}, 7, "the killed one is gone")


def test_heartbeat_key(system, relevo):
    db = system.redis.db
    wait_until(lambda: db.exists("instance:a"), 5, "the heartbeat")
    lowest = 5
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        assert db.get("instance:a") == b"Online"
        lowest = min(lowest, db.pttl("instance:a") / 1000)
        time.sleep(0.02)
    assert 0 < lowest <= 5
    assert lowest > 2 / SLOW, "not refreshed every 2 s"


def test_requests_are_counted(system, relevo):
    for n in range(30):
        relevo.api.post("/items", item(code=f"C-{n}"))
    wait_until(lambda: int(system.redis.db.get("requests:a") or 0) >= 30, 6, "requests:a")
    assert instances(relevo)["a"]["requests"] >= 30


def test_the_counter_goes_on_after_a_restart(system, relevo):
    for _ in range(20):
        relevo.api.get("/items")
    wait_until(lambda: int(system.redis.db.get("requests:a") or 0) >= 20, 6, "requests:a")
    relevo.stop()
    before = int(system.redis.db.get("requests:a"))
    relevo.start()
    for _ in range(20):
        relevo.api.get("/items")
    wait_until(lambda: int(system.redis.db.get("requests:a")) >= before + 20, 6, "it is added up")


def test_while_redis_is_down(system, relevo):
    system.redis_down()
    assert relevo.api.get("/instances").status < 500
