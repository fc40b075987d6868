"""The Redis keys of the contract, read right after the answers."""
import json
import threading

import pytest

from harness import (assert_cache_exact, cache_bytes, item, items_of, row_of, wait_until)


def test_an_empty_table_is_an_empty_array(system, relevo):
    wait_until(lambda: system.redis.db.exists("items:cache"), 5, "items:cache")
    assert cache_bytes(system.redis)[0] == b"[]"
    assert_cache_exact(system, relevo)


@pytest.mark.parametrize("write", ["create", "replace", "patch", "delete"])
def test_cache_and_hash_follow_each_write_online(system, relevo, write):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}", area="ñ \"x\" \\ \n\t\x01 😀"))
        assert_cache_exact(system, relevo)
    answer = {"create": lambda: relevo.api.post("/items", item(code="new")),
              "replace": lambda: relevo.api.put("/items/2", item(code="new")),
              "patch": lambda: relevo.api.patch("/items/2", {"code": "new"}),
              "delete": lambda: relevo.api.delete("/items/2")}[write]()
    content, _ = cache_bytes(system.redis)
    assert answer.status in (200, 201)
    assert (b'"new"' in content) == (write != "delete")
    assert len(json.loads(content)) == {"create": 4, "delete": 2}.get(write, 3)
    assert_cache_exact(system, relevo)


@pytest.mark.parametrize("write", ["create", "replace", "patch", "delete"])
def test_cache_and_hash_follow_each_write_offline(system, relevo, write):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    answer = {"create": lambda: relevo.api.post("/items", item(code="new")),
              "replace": lambda: relevo.api.put("/items/2", item(code="new")),
              "patch": lambda: relevo.api.patch("/items/2", {"code": "new"}),
              "delete": lambda: relevo.api.delete("/items/2")}[write]()
    content, _ = cache_bytes(system.redis)
    assert answer.status == 202
    assert (b'"new"' in content) == (write != "delete")
    assert (b'"pending":true' in content) == (write != "delete")
    assert_cache_exact(system, relevo)
    system.mysql_up()
    wait_until(lambda: b"pending" not in cache_bytes(system.redis)[0], 5, "nothing is pending")
    assert_cache_exact(system, relevo)


def test_the_hash_fits_at_every_instant(system, relevo, rng):
    """Cache and hash change together: read as one they always fit, whatever is written."""
    stop = threading.Event()
    faults = []

    def look():
        while not stop.is_set():
            try:
                assert_cache_exact(system)
            except AssertionError as fault:
                faults.append(fault)
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        ids = []
        for n in range(300):
            kind = rng.choice("cccud")
            if kind == "c" or not ids:
                ids.append(relevo.api.post("/items", item(code=f"C-{n}")).data["id"])
            elif kind == "u":
                relevo.api.patch(f"/items/{rng.choice(ids)}", {"area": f"Sala {n}"})
            else:
                relevo.api.delete(f"/items/{ids.pop(rng.randrange(len(ids)))}")
    finally:
        stop.set()
        watcher.join()
    assert not faults, faults[0]
    assert_cache_exact(system, relevo)


def test_the_cache_is_a_function_of_the_items_alone(system, relevo):
    """One spelling: whatever was done before, equal items give equal bytes but for their times."""
    made = relevo.api.post("/items", item()).data
    relevo.api.post("/items", item(code="B"))
    relevo.api.delete("/items/2")
    wanted = json.dumps([made], separators=(",", ":"), ensure_ascii=False).encode()
    assert cache_bytes(system.redis)[0] == wanted


def test_pending_create_entry(system, relevo):
    system.mysql_down()
    operation = relevo.api.post("/items", item()).json()["operation"]
    entry, = system.redis.db.lrange("items:pending", 0, -1)
    entry = json.loads(entry)
    assert row_of(entry["data"]) == row_of(item())
    assert operation in entry.values()


def test_pending_update_entry(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    operation = relevo.api.patch("/items/1", {"area": "x"}).json()["operation"]
    entry, = system.redis.db.lrange("items:pending_updates", 0, -1)
    entry = json.loads(entry)
    assert list(entry)[:2] == ["id", "data"]
    assert entry["id"] == 1 and entry["data"] == {"area": "x"} and operation in entry.values()


def test_pending_delete_entry(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    operation = relevo.api.delete("/items/1").json()["operation"]
    entry, = system.redis.db.lrange("items:pending_deletes", 0, -1)
    entry = json.loads(entry)
    assert list(entry)[0] == "id" and entry["id"] == 1 and operation in entry.values()


def test_lists_are_oldest_first(system, relevo):
    system.mysql_down()
    for n in range(20):
        relevo.api.post("/items", item(code=f"C-{n}"))
    entries = [json.loads(entry) for entry in system.redis.db.lrange("items:pending", 0, -1)]
    assert [entry["data"]["code"] for entry in entries] == [f"C-{n}" for n in range(20)]


def test_nothing_waits_after_online_writes(system, relevo):
    relevo.api.post("/items", item())
    relevo.api.patch("/items/1", {"area": "x"})
    relevo.api.delete("/items/1")
    assert system.pending() == 0


def test_sync_metadata(system, relevo):
    wait_until(lambda: system.redis.db.exists("sync:metadata"), 6, "sync:metadata")
    metadata = json.loads(system.redis.db.get("sync:metadata"))
    assert isinstance(metadata, dict) and metadata
    assert "a" in json.dumps(metadata)


def test_only_known_key_prefixes(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    relevo.api.post("/items", item())
    for key in system.redis.db.keys("*"):
        assert key.split(b":")[0] in (b"items", b"sync", b"instance", b"requests"), key


# --- what the older Python backend left ---

def legacy_create(**over):
    return json.dumps({**item(**over)})


@pytest.mark.parametrize("entry", [
    legacy_create(), json.dumps({**item(), "id": "pending_1700000000"}),
    json.dumps({**item(), "id": None}), json.dumps(item(), indent=2)],
    ids=["plain", "with an id of its own", "null id", "indented"])
def test_legacy_create_is_drained(system, relevo, entry):
    system.redis.db.rpush("items:pending", entry)
    wait_until(lambda: system.mysql.codes() == ["PC-01"], 10, "the legacy create")
    system.await_drained()
    assert row_of(items_of(relevo)[0]) == row_of(item())
    wait_until(lambda: "PC-01" in cache_bytes(system.redis)[0].decode(), 5, "it is cached")


def test_equal_legacy_creates_stay_distinct(system, relevo):
    system.mysql_down()
    for _ in range(3):
        system.redis.db.rpush("items:pending", legacy_create())
    system.mysql_up()
    assert system.mysql.codes() == ["PC-01"] * 3


def test_legacy_entries_get_their_id_in_place(system, relevo):
    """Also while MySQL is down; then they show in the listing."""
    relevo.api.post("/items", item())
    relevo.api.post("/items", item(code="B"))
    system.mysql_down()
    system.redis.db.rpush("items:pending", legacy_create(code="old"))
    system.redis.db.rpush("items:pending_updates", json.dumps({"id": 1, "data": {"area": "old"}}))
    system.redis.db.rpush("items:pending_deletes", "2")

    def codes():
        return [(shown["code"], shown["area"]) for shown in items_of(relevo)]
    wait_until(lambda: codes() == [("PC-01", "old"), ("old", "Sala 1")], 10, codes)
    assert system.pending() == 3
    system.mysql_up()
    assert sorted((row[0], row[3]) for row in system.mysql.items().values()) \
        == [("PC-01", "old"), ("old", "Sala 1")]


def test_a_legacy_update_is_older_than_what_waits(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    assert relevo.api.patch("/items/1", {"status": "newer"}).status == 202
    system.redis.db.rpush("items:pending_updates",
                          json.dumps({"id": 1, "data": {"status": "older", "area": "old"}}))
    wait_until(lambda: relevo.api.get("/items/1").data["area"] == "old", 10, "it is adopted")
    assert relevo.api.get("/items/1").data["status"] == "newer"
    assert relevo.api.patch("/items/1", {"code": "newest"}).status == 202
    system.mysql_up()
    assert system.mysql.items()[1][:4] == ("newest", "Computadora", "newer", "old")


def test_legacy_update_is_drained(system, relevo):
    relevo.api.post("/items", item())
    system.redis.db.rpush("items:pending_updates", json.dumps(
        {"id": 1, "data": item(code="old", area="Sótano")}))
    wait_until(lambda: system.mysql.items()[1][0] == "old", 10, "the legacy update")
    system.await_drained()
    assert row_of(relevo.api.get("/items/1").data) == row_of(item(code="old", area="Sótano"))


@pytest.mark.parametrize("entry", ["1", '{"id":1}', '{"id": 1}', " 1 "])
def test_legacy_delete_is_drained(system, relevo, entry):
    relevo.api.post("/items", item())
    system.redis.db.rpush("items:pending_deletes", entry)
    wait_until(lambda: system.mysql.items() == {}, 10, "the legacy delete")
    system.await_drained()
    assert items_of(relevo) == []


def test_legacy_entries_are_drained_at_start(system):
    one = system.start()
    for code in ("A", "B"):
        one.api.post("/items", item(code=code))
    one.stop()
    db = system.redis.db
    db.rpush("items:pending", legacy_create(code="new"), legacy_create(code="new"))
    db.rpush("items:pending_updates", json.dumps({"id": 1, "data": {"code": "A2"}}))
    db.rpush("items:pending_deletes", "2")
    one.start()
    system.await_drained()
    assert system.mysql.codes() == ["A2", "new", "new"]


def test_legacy_cache_of_a_python_backend_is_replaced(system):
    """Its items:cache has another spelling and no hash of ours."""
    system.redis.db.set("items:cache", json.dumps([{**item(), "id": 7}]))
    system.redis.db.set("items:cache:hash", "0" * 64)
    relevo = system.start()
    relevo.api.post("/items", item(code="B"))
    wait_until(lambda: b"B" in (cache_bytes(system.redis)[0] or b""), 5, "our cache")
    assert_cache_exact(system, relevo)
    assert [shown["code"] for shown in items_of(relevo)] == ["B"]


def test_large_cache_catches_up_with_the_budget(system):
    """Behind at most by size / budget, and exact in the end."""
    relevo = system.start(RELEVO_PUBLISH_BUDGET="64KiB")
    for n in range(400):
        assert relevo.api.post("/items", item(code=f"C-{n}")).status == 201
    size = len(relevo.api.get("/items").body)

    def exact():
        content, _ = cache_bytes(system.redis)
        return content.count(b'"id":') == 400
    wait_until(exact, size / 65536 + 3, "the snapshot follows")
    assert_cache_exact(system, relevo)
