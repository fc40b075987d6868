"""What waits and what MySQL has of it already are one item to whoever reads, whichever way."""
import contextlib

from harness import await_consistent, item, item_key, items_of, wait_until
from harness.proxy import CLIENT

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
