"""What waits and what MySQL has of it already are one item to whoever reads or writes, whichever way."""
import contextlib

from harness import await_consistent, item, item_key, items_of, wait_until
from harness.proxy import CLIENT, SERVER
from harness.redis_server import script

COMMIT = b";COMMIT"
DRAIN_LOCK = "CONCAT('relevo_drain:',LEFT(SHA2('relevo',256),32))"
NO_CACHE = {"Cache-Control": "no-cache"}


def shown(daemon, headers=None):
    return [(row["code"], row["area"]) for row in daemon.api.get("/items", headers).data]


def test_a_patch_waits_longer_than_its_create(system):
    """The create was applied when its COMMIT fell silent, and is found; the patch behind it finds
    the row locked by somebody else."""
    daemon = system.start(proxied=True)
    daemon.mysql.arm(COMMIT, CLIENT, 0, stall=True)
    created = daemon.api.post("/items", item())
    assert created.status == 202
    assert daemon.api.patch(item_key(created.data), {"area": "patched"}).status == 202
    with contextlib.closing(system.mysql.connect(autocommit=False)) as session:
        with session.cursor() as cursor:
            cursor.execute("SELECT id FROM items FOR UPDATE")
        daemon.mysql.up()
        daemon.await_health(mysql=True)
        wait_until(lambda: daemon.log_lines("were applied before"), 10, "the create is found")
        assert shown(daemon) == [("PC-01", "patched")]
        assert shown(daemon, NO_CACHE) == [("PC-01", "patched")]
        session.rollback()
    system.await_up()
    await_consistent(daemon)
    assert shown(daemon) == [("PC-01", "patched")]


def test_another_instance_has_drained_what_waits_here(system):
    """Redis hangs, so nobody tells; the lock of such drains is somebody else's for a while."""
    near, far = system.start(proxied=True), system.start(proxied=True)
    for daemon in (near, far):
        daemon.mysql.down()
        daemon.await_health(mysql=False)
    assert near.api.post("/items", item()).status == 202
    wait_until(lambda: len(items_of(far)) == 1, 5, "both have it")
    system.redis.pause()
    for daemon in (near, far):
        daemon.await_health(redis=False)
    far.mysql.up()
    wait_until(lambda: system.mysql.codes() == ["PC-01"], 10, "it is drained from memory")
    with contextlib.closing(system.mysql.connect()) as session, session.cursor() as cursor:
        def take():
            cursor.execute(f"SELECT GET_LOCK({DRAIN_LOCK},0)")
            return cursor.fetchone()[0] == 1
        wait_until(take, 10, "the lock")
        near.mysql.up()
        near.await_health(mysql=True)
        assert shown(near) == [("PC-01", "Sala 1")]
        assert near.api.get("/items/1").data["code"] == "PC-01"
        assert shown(near) == [("PC-01", "Sala 1")]
    wait_until(lambda: [row["id"] for row in items_of(near)] == [1], 10, "it is settled here, too")
    system.redis.resume()
    system.await_up()
    for daemon in (near, far):
        await_consistent(daemon)
        assert [row["id"] for row in items_of(daemon)] == [1]


def test_a_delete_waits_of_an_item_that_the_drain_brought_into_mysql(system):
    """The drain has committed the create and not said so yet: whoever writes next finds a row in
    MySQL that is deleted already."""
    daemon = system.start(proxied=True, RELEVO_REDIS_TIMEOUT="5s")
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    path = item_key(daemon.api.post("/items", item()).data)
    held = daemon.redis.arm(script("settle"), SERVER, 0, stall=True)
    daemon.mysql.up()
    daemon.redis.await_hit(held)
    assert system.mysql.codes() == ["PC-01"]
    assert daemon.api.delete(path).status == 202
    assert daemon.api.put(path, item(area="too late")).status == 404
    assert daemon.api.patch(path, {"area": "too late"}).status == 404
    assert daemon.api.get(path).status == 404
    daemon.redis.up()
    system.await_up()
    await_consistent(daemon)
    assert system.mysql.codes() == [] and items_of(daemon) == []


def test_a_delete_waits_that_another_instance_has_not_read_of(system):
    """Nor of the create, which it finds in MySQL."""
    near, far = (system.start(proxied=True, RELEVO_REDIS_TIMEOUT="5s") for _ in range(2))
    for daemon in (near, far):
        daemon.mysql.down()
        daemon.await_health(mysql=False)
    far.redis.await_hit(far.redis.arm(b"XREAD", SERVER, 0, stall=True))
    path = item_key(near.api.post("/items", item()).data)
    held = near.redis.arm(script("settle"), SERVER, 0, stall=True)
    near.mysql.up()
    near.redis.await_hit(held)
    far.mysql.up()
    far.await_health(mysql=True)
    assert near.api.delete(path).status == 202
    assert far.api.put(path, item(area="too late")).status == 404
    for daemon in (near, far):
        daemon.redis.up()
    system.await_up()
    for daemon in (near, far):
        await_consistent(daemon)
        assert items_of(daemon) == []
    assert system.mysql.codes() == []
