"""Many clients write while processes are killed: no 5xx, nothing lost, nothing doubled."""
import json
import re
import time

import pytest

from harness import (SLOW, Crowd, await_cache_exact, await_consistent, item, item_key, items_of,
                     row_of, wait_until)


def settle(system, crowd):
    """After the storm: the crowd ends, everything is drained, MySQL holds what was answered, and
    every mirror and the cache are MySQL."""
    crowd.stop()
    system.await_up()
    crowd.check(system)
    rows = system.mysql.items()
    for daemon in system.daemons:
        wait_until(lambda: {shown["id"]: (*row_of(shown), shown["version"])
                            for shown in items_of(daemon)} == rows, 10, "the mirror is MySQL")
        await_consistent(daemon, timeout=15)  # a lease left in Redis may have to run out
        assert daemon.api.get("/sync/dead").json()["data"] == []
    await_cache_exact(system, system.daemons[0])


@pytest.fixture
def relevo(system):
    """Patient with Redis: processes are killed here, and one that a busy machine holds up is none."""
    return system.start(RELEVO_REDIS_TIMEOUT="3s")


@pytest.mark.threads
def test_mysqld_killed_under_16_writing_clients(system, relevo, rng):
    crowd = Crowd(16, [relevo.port], rng)
    wait_until(lambda: crowd.count > 300, 20, "writes")
    system.mysql.kill()
    seen = crowd.count
    wait_until(lambda: crowd.count > seen + 300, 20, "writes in the outage")
    system.mysql.launch()
    wait_until(system.mysql.accepts, 30, "mysqld accepts connections", pause=0.002)
    accepting = time.monotonic()
    # The clients go on: what counts is when the queue was empty for the first time.
    wait_until(lambda: system.pending() == 0, 15, "drained", pause=0.002)
    took = time.monotonic() - accepting
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes
    assert crowd.codes.get(202), "nothing was written in the outage"
    assert took < 2 * SLOW, f"drained after {took:.2f} s"


def test_mysqld_killed_again_and_again(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng)
    for _ in range(5):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 60, 20, "writes")
        time.sleep(rng.random() * 0.2)
        system.mysql.kill()
        time.sleep(rng.random() * 0.3)
        system.mysql.start()
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes


def test_mysqld_frozen_again_and_again(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng)
    for _ in range(4):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes")
        time.sleep(rng.random() * 0.1)
        system.mysql.pause()
        relevo.await_health(mysql=False)
        time.sleep(rng.random() * 0.3)
        system.mysql.resume()
        relevo.await_health(mysql=True)
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes


def test_redis_killed_again_and_again(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng)
    for _ in range(5):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 60, 20, "writes")
        time.sleep(rng.random() * 0.2)
        system.redis.kill()
        time.sleep(rng.random() * 0.3)
        system.redis.start()
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes


def test_both_killed_in_turn(system, relevo, rng):
    """Never both at once: every request is answered."""
    crowd = Crowd(8, [relevo.port], rng)
    for server, name in [(system.mysql, "mysql"), (system.redis, "redis")] * 2:
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes")
        server.kill()
        relevo.await_health(**{name: False})
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes without " + name)
        server.start()
        relevo.await_health(mysql=True, redis=True)
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes


@pytest.mark.threads
def test_three_instances_and_mysqld_killed(system, rng):
    daemons = [system.start() for _ in range(3)]
    crowd = Crowd(9, [daemon.port for daemon in daemons], rng)
    for _ in range(2):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 100, 30, "writes")
        system.mysql.kill()
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 100, 30, "writes in the outage")
        system.mysql.start()
    settle(system, crowd)
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes


# --- the daemon itself dies; its clients repeat under their keys ---

def test_daemon_killed_online(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng, retry=True)
    for _ in range(4):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes")
        time.sleep(rng.random() * 0.1)
        relevo.kill()
        relevo.start(wait="up")
    settle(system, crowd)


def test_daemon_killed_in_an_outage(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng, retry=True)
    wait_until(lambda: crowd.count > 50, 20, "writes")
    system.mysql.kill()
    for _ in range(3):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes in the outage")
        time.sleep(rng.random() * 0.1)
        relevo.kill()
        relevo.start(wait="up")
    system.mysql.start()
    settle(system, crowd)


def test_daemon_killed_as_mysqld_dies_and_returns(system, relevo, rng):
    crowd = Crowd(8, [relevo.port], rng, retry=True)
    for _ in range(3):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes")
        system.mysql.kill()
        time.sleep(rng.random() * 0.3)
        system.mysql.start()
        time.sleep(rng.random() * 0.2)
        relevo.kill()
        relevo.start(wait="up")
    settle(system, crowd)


def test_one_of_two_daemons_killed(system, rng):
    one, other = system.start(), system.start()
    crowd = Crowd(8, [one.port, other.port], rng, retry=True)
    for victim in (one, other, one):
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 40, 20, "writes")
        system.mysql.kill()
        seen = crowd.count
        wait_until(lambda: crowd.count > seen + 20, 20, "writes in the outage")
        victim.kill()
        system.mysql.start()
        victim.start(wait="up")
    crowd.stop()
    # A lease of the killed one may have to run out first.
    system.await_drained(timeout=25)
    settle(system, crowd)


@pytest.mark.parametrize("moment", range(4))
def test_daemon_killed_in_the_drain(system, relevo, rng, moment):
    """Some hundred operations on existing and temporary items, the kill somewhere in between."""
    wanted = {}
    for n in range(1, 101):
        relevo.api.post("/items", item(code=f"C-{n}"))
        wanted[f"C-{n}"] = row_of(item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(1, 101):
        code = f"C-{n}"
        if n % 3 == 0:
            assert relevo.api.delete(f"/items/{n}").status == 202
            del wanted[code]
        else:
            assert relevo.api.patch(f"/items/{n}", {"area": "off"}).status == 202
            wanted[code] = row_of(item(code=code, area="off"))
    for n in range(300):
        made = relevo.api.post("/items", item(code=f"D-{n}"))
        assert made.status == 202
        wanted[f"D-{n}"] = row_of(item(code=f"D-{n}"))
        if n % 5 == 0:
            assert relevo.api.patch(item_key(made.data), {"area": "off"}).status == 202
            wanted[f"D-{n}"] = row_of(item(code=f"D-{n}", area="off"))
        elif n % 7 == 0:
            assert relevo.api.delete(item_key(made.data)).status == 202
            del wanted[f"D-{n}"]
    total = system.pending()
    system.mysql.start()
    # A different moment each time: when the lease is taken, a first, a later trim, or by chance.
    wait_until(lambda: system.redis.db.exists("sync:lease") if moment == 0 else
               system.pending() < total - moment * 90, 10, "the drain begins", pause=0.0005)
    if moment == 3:
        time.sleep(rng.random() * 0.05)
    relevo.kill()
    relevo.start(wait="up")
    system.await_drained(timeout=25)
    rows = system.mysql.items()
    assert sorted(row[:5] for row in rows.values()) == sorted(wanted.values())
    wait_until(lambda: {shown["id"]: (*row_of(shown), shown["version"])
                        for shown in items_of(relevo)} == rows, 10, "the mirror is MySQL")
    await_cache_exact(system, relevo)
    assert relevo.api.get("/sync/dead").json()["data"] == []


@pytest.mark.parametrize("victim", ["mysql", "redis"])
def test_a_server_killed_in_the_drain(system, relevo, rng, victim):
    system.mysql_down()
    codes = [f"D-{n}" for n in range(400)]
    for code in codes:
        assert relevo.api.post("/items", item(code=code)).status == 202
    server = getattr(system, victim)
    for _ in range(3):
        system.mysql.start()
        wait_until(lambda: system.redis.db.exists("sync:lease") or system.pending() == 0, 15,
                   "the drain begins", pause=0.0005)
        time.sleep(rng.random() * 0.03)
        server.kill()
        relevo.await_health(**{victim: False})
        server.start()
    system.await_up()
    assert system.mysql.codes() == sorted(codes)
    wait_until(lambda: len(items_of(relevo)) == 400, 10, "all are shown")
    await_cache_exact(system, relevo)


def test_what_a_dead_drain_cancelled_is_not_shown_again_while_it_is_settled(system):
    """Created and deleted in one outage, applied by a drain that died before it settled them."""
    a = system.start()
    system.mysql_down()
    for n in range(300):
        ref = item_key(a.api.post("/items", item(code=f"X{n}"), {"Idempotency-Key": f"c{n}"}).data)
        assert a.api.delete(ref, {"Idempotency-Key": f"d{n}"}).status == 202
    pairs = list(zip(*(
        [json.loads(entry)["op"] for entry in system.redis.db.lrange(name, 0, -1)]
        for name in ("items:pending", "items:pending_deletes"))))
    a.pause()
    system.mysql.start()
    for kind in (0, 2):
        system.mysql.sql("INSERT INTO relevo_applied (op,kind,state,expires_at) VALUES " + ",".join(
            f"(x'{pair[kind // 2].replace('-', '')}',{kind},0,NOW(6)+INTERVAL 1 DAY)"
            for pair in pairs))
    a.resume()
    system.await_up()
    settled = {}
    for number, (_, fields) in enumerate(system.redis.db.xrange("items:changes")):
        for op in re.findall(rb"[0-9a-f]{8}-[0-9a-f-]{27}", fields[b"c"]):
            settled[op.decode()] = number
    assert len(pairs) == 300
    late = [pair for pair in pairs if settled[pair[0]] > settled[pair[1]]]
    assert not late, f"{len(late)} items whose delete was settled before their create"
    assert items_of(a) == []
