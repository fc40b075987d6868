"""Differences between MySQL and the cache are found, logged, counted and repaired."""
import contextlib
import threading

import pytest
from redis.exceptions import ResponseError

from harness import (await_cache_exact, await_consistent, cache_bytes, item, items_of, row_of,
                     sync_status, wait_until)


@pytest.fixture
def filled(system, relevo):
    for n in range(1, 6):
        relevo.api.post("/items", item(code=f"C-{n}"))
    await_consistent(relevo)
    assert sync_status(relevo)["rebuilds_total"] == 0 and not relevo.log_lines("[REBUILD]")
    return relevo


def await_repair(system, daemon, codes):
    """Repaired, logged and counted."""
    wait_until(lambda: sync_status(daemon)["rebuilds_total"] >= 1, 8, "the rebuild is counted")
    wait_until(lambda: [shown["code"] for shown in items_of(daemon)] == codes, 5,
               lambda: f"shown: {items_of(daemon)}")
    await_cache_exact(system, daemon)
    assert daemon.log_lines("[REBUILD]")
    await_consistent(daemon)
    assert {shown["id"]: (*row_of(shown), shown["version"]) for shown in items_of(daemon)} \
        == system.mysql.items()


ALL = [f"C-{n}" for n in range(1, 6)]


def test_a_row_changed_behind_our_back(system, filled):
    system.mysql.sql("UPDATE items SET code='foreign' WHERE id=3")
    await_repair(system, filled, ["C-1", "C-2", "foreign", "C-4", "C-5"])


def test_a_row_deleted_behind_our_back(system, filled):
    system.mysql.sql("DELETE FROM items WHERE id=3")
    await_repair(system, filled, ["C-1", "C-2", "C-4", "C-5"])


def test_a_row_inserted_behind_our_back(system, filled):
    system.mysql.sql("INSERT INTO items (code,type,status,area) VALUES ('foreign','b','c','d')")
    await_repair(system, filled, [*ALL, "foreign"])


def test_a_row_changed_without_moving_its_time(system, filled):
    system.mysql.sql("UPDATE items SET code='foreign', updated_at=updated_at WHERE id=3")
    await_repair(system, filled, ["C-1", "C-2", "foreign", "C-4", "C-5"])


def test_a_row_put_back_to_an_older_version(system, filled):
    """A restored backup: versions and times go back in MySQL, and MySQL is the truth."""
    filled.api.patch("/items/3", {"code": "later"})
    system.mysql.sql("UPDATE items SET code='C-3', version=1, updated_at='2020-01-01' WHERE id=3")
    await_repair(system, filled, ALL)


def test_a_truncated_table(system, filled):
    system.mysql.sql("DELETE FROM items")
    await_repair(system, filled, [])


def test_an_id_used_again(system, filled):
    """Deleted here, inserted again under the same id by somebody else, with version 1."""
    filled.api.delete("/items/3")
    system.mysql.sql("INSERT INTO items (id,code,type,status,area) VALUES (3,'again','b','c','d')")
    wait_until(lambda: [shown["code"] for shown in items_of(filled)]
               == ["C-1", "C-2", "again", "C-4", "C-5"], 8, "it is shown")
    await_cache_exact(system, filled)


def repaired_in_redis(system, daemon, before):
    def same():
        try:
            return cache_bytes(system.redis) == before
        except ResponseError:  # a list stands there
            return False
    wait_until(same, 8, "the same bytes and hash again")
    wait_until(lambda: sync_status(daemon)["rebuilds_total"] >= 1, 5, "the rebuild is counted")
    assert daemon.log_lines("[REBUILD]")
    await_consistent(daemon)


@pytest.mark.parametrize("harm", [
    lambda db: db.setrange("items:cache", 10, "X"), lambda db: db.append("items:cache", " "),
    lambda db: db.set("items:cache", ""), lambda db: db.set("items:cache", "[]"),
    lambda db: db.set("items:cache", "not json"), lambda db: db.delete("items:cache"),
    lambda db: db.delete("items:cache:hash"), lambda db: db.set("items:cache:hash", "0" * 64),
    lambda db: db.delete("items:cache", "items:cache:hash"),
    lambda db: db.delete("items:cache") and db.rpush("items:cache", "a list")],
    ids=["one byte", "a byte more", "empty", "an empty array", "no JSON", "cache deleted",
         "hash deleted", "wrong hash", "both deleted", "another type"])
def test_harm_in_redis_is_repaired(system, filled, harm):
    before = cache_bytes(system.redis)
    assert before[0] is not None
    harm(system.redis.db)
    repaired_in_redis(system, filled, before)


def test_a_write_after_the_harm_gives_an_exact_cache_too(system, filled):
    system.redis.db.setrange("items:cache", 10, "X")
    filled.api.post("/items", item(code="C-6"))
    await_cache_exact(system, filled)
    assert len(items_of(filled)) == 6


@pytest.mark.parametrize("key", ["items:changes", "items:log", "sync:metadata", "sync:fence"])
def test_deleted_internal_keys_are_survived(system, filled, key):
    system.redis.db.delete(key)
    assert filled.api.post("/items", item(code="C-6")).status in (201, 202)
    system.await_drained()
    wait_until(lambda: [shown["code"] for shown in items_of(filled)] == [*ALL, "C-6"], 8, "shown")
    await_cache_exact(system, filled)
    assert filled.api.patch("/items/1", {"area": "x"}).status == 200


def test_pending_operations_survive_a_rebuild(system, filled):
    system.mysql_down()
    filled.api.post("/items", item(code="off"))
    filled.api.patch("/items/1", {"area": "off"})
    system.redis.db.setrange("items:cache", 10, "X")
    system.mysql_up()
    assert {row[0]: row[3] for row in system.mysql.items().values()} \
        == {**dict.fromkeys(ALL, "Sala 1"), "C-1": "off", "off": "Sala 1"}
    await_cache_exact(system, filled)


def test_a_foreign_change_reaches_every_instance(system, filled):
    other = system.start()
    system.mysql.sql("UPDATE items SET code='foreign' WHERE id=3")
    for daemon in (filled, other):
        wait_until(lambda: daemon.api.get("/items/3").data["code"] == "foreign", 8, daemon.name)


def test_writes_in_flight_are_no_difference(system, relevo):
    """Verification under load finds nothing, because there is nothing."""
    stop = threading.Event()

    def write(worker):
        n = 0
        while not stop.is_set():
            made = relevo.api.post("/items", item(code=f"{worker}-{n}")).data
            relevo.api.patch(f"/items/{made['id']}", {"area": f"{n}"})
            if n % 3 == 0:
                relevo.api.delete(f"/items/{made['id']}")
            n += 1
        relevo.api.close()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    at = None
    for _ in range(3):
        at = wait_until(lambda: (last := sync_status(relevo)["last_sync"]) and last["at"] != at
                        and last["at"], 8, "another sync cycle")
    stop.set()
    for thread in threads:
        thread.join()
    assert sync_status(relevo)["rebuilds_total"] == 0, relevo.log_lines("[REBUILD]")
    await_cache_exact(system, relevo)


def test_a_change_between_two_runs_of_the_daemon_is_found(system, filled):
    filled.stop()
    system.mysql.sql("UPDATE items SET code='foreign' WHERE id=3")
    filled.start()
    wait_until(lambda: filled.api.get("/items/3").data["code"] == "foreign", 8, "the repair")
    await_cache_exact(system, filled)


ZERO_TIME = ("SET sql_mode=''", "UPDATE items SET updated_at=0 WHERE id=2")


def test_a_row_of_no_time_holds_up_nothing(system, filled):
    """updated_at 0000-00-00: shown, changed and drained like any other."""
    with contextlib.closing(system.mysql.connect()) as session, session.cursor() as cursor:
        for statement in ZERO_TIME:
            cursor.execute(statement)
    wait_until(lambda: sync_status(filled)["rebuilds_total"] >= 1, 8, "it is seen")
    system.mysql_down()
    for n in (1, 2, 3):
        filled.api.patch(f"/items/{n}", {"area": "off"})
    system.mysql_up()
    assert [row[3] for row in system.mysql.items().values()] == ["off"] * 3 + ["Sala 1"] * 2
    await_consistent(filled)


def test_a_row_without_a_usable_id_is_not_repaired_for_ever(system, filled):
    system.mysql.sql("INSERT INTO items (id,code,type,status,area) VALUES (-3,'a','b','c','d')")
    checked = sync_status(filled)["last_sync"]["at"]
    wait_until(lambda: sync_status(filled)["last_sync"]["at"] != checked, 8, "a check")
    checked = sync_status(filled)["last_sync"]["at"]
    wait_until(lambda: sync_status(filled)["last_sync"]["at"] != checked, 8, "another check")
    assert sync_status(filled)["rebuilds_total"] == 0
    assert [shown["code"] for shown in items_of(filled)] == ALL


def test_no_fencing_token_comes_again(system, filled):
    wait_until(lambda: system.redis.db.get("sync:fence"), 8, "a token")
    before = int(system.redis.db.get("sync:fence"))
    system.redis.wipe()
    wait_until(lambda: int(system.redis.db.get("sync:fence") or 0) > before, 10, "a later token")


def test_a_check_that_broke_off_is_done_again(system):
    """Long before the next one is due."""
    relevo = system.start(RELEVO_SYNC_INTERVAL="1h")
    wait_until(lambda: sync_status(relevo)["last_sync"] is not None, 10, "the first check")
    for n in range(1, 4):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql.sql("UPDATE items SET code='foreign', updated_at=updated_at WHERE id=3")
    system.redis.pause()
    assert relevo.api.post("/sync/run").status in (202, 409)
    relevo.await_health(redis=False)
    system.redis.resume()
    relevo.await_health(redis=True)
    wait_until(lambda: items_of(relevo)[2]["code"] == "foreign", 10, "it is repaired")
