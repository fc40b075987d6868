"""Operations that Redis or a drain elsewhere has overtaken while an instance was stopped."""
import concurrent.futures
import contextlib
import json
import os

import pytest

from harness import await_consistent, item, items_of, pending_counts, sync_status, wait_until
from harness.metrics import value
from harness.proxy import SERVER

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def script(system, name):
    with open(os.path.join(ROOT, "src", "redis", "lua", f"{name}.lua"), encoding="ascii") as text:
        return system.redis.db.register_script(text.read())


def shown(daemon, ref):
    return daemon.api.get(f"/items/{ref}").data


def cut_clients(system):
    """What a stopped instance would find in its socket when it goes on is gone."""
    system.redis.db.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def create_offline(daemon, other, code="X"):
    ref = daemon.api.post("/items", item(code=code, status="v0")).json()["data"]["id"]
    wait_until(lambda: other.api.get(f"/items/{ref}").status == 200, 5, "the other shows it")
    return ref


def await_status(daemons, ref, status):
    for daemon in daemons:
        wait_until(lambda: shown(daemon, ref)["status"] == status and
                   "pending" not in shown(daemon, ref), 15,
                   lambda: f"{daemon.name} shows {shown(daemon, ref)}")


def test_an_update_only_a_stopped_instance_knew_survives_a_flush(system):
    """The item got its final id meanwhile; the update follows it there."""
    a, b = system.start(), system.start()
    system.mysql_down()
    ref = create_offline(a, b)
    b.pause()
    cut_clients(system)
    a.await_health(redis=True)
    wait_until(lambda: a.api.patch(f"/items/{ref}", {"status": "patched"}).status == 202, 5, "202")
    a.pause()
    system.redis.wipe()
    b.resume()
    system.mysql.start()
    wait_until(lambda: system.mysql.items(), 15, "the other drained the create")
    a.resume()
    await_status((a, b), ref, "patched")
    system.await_up()
    assert [row[2] for row in system.mysql.items().values()] == ["patched"]
    assert a.api.get("/sync/dead").json()["count"] == 0


@pytest.mark.parametrize("target", ["existing", "created offline"])
def test_an_older_update_that_is_put_back_late_stays_older(system, target):
    """Another instance accepted a newer one meanwhile, without knowing of it."""
    a, b = system.start(), system.start()
    ref = a.api.post("/items", item(status="v0")).json()["data"]["id"]
    system.mysql_down()
    if target == "created offline":
        ref = create_offline(a, b)
    b.pause()
    cut_clients(system)
    a.await_health(redis=True)
    wait_until(lambda: a.api.patch(f"/items/{ref}", {"status": "older"}).status == 202, 5, "202")
    a.pause()
    system.redis.wipe()
    b.resume()
    wait_until(lambda: b.api.patch(f"/items/{ref}", {"status": "newer"}).status == 202, 5, "202")
    a.resume()
    wait_until(lambda: system.redis.db.hlen("items:ops") == (3 if target != "existing" else 2), 10,
               "the older one is put back")
    for daemon in (a, b):
        wait_until(lambda: sync_status(daemon)["pending_updates"] == 2, 5, "both wait")
        assert shown(daemon, ref)["status"] == "newer"
    assert a.api.patch(f"/items/{ref}", {"area": "Sala 9"}).status == 202
    system.mysql_up()
    await_status((a, b), ref, "newer")
    assert shown(a, ref)["area"] == "Sala 9"
    assert a.api.get("/sync/dead").json()["count"] == 0


@pytest.mark.parametrize("ask, status", [
    (lambda daemon, ref: daemon.api.get(f"/items/{ref}"), 200),
    (lambda daemon, ref: daemon.api.get(f"/operations/{ref.removeprefix('pending_')}"), 200),
    (lambda daemon, ref: daemon.api.patch(f"/items/{ref}", {"status": "patched"}), 202)])
def test_what_only_another_instance_remembers_is_waited_for(system, ask, status):
    """An item is not unknown until everybody had the time to put back what he accepted."""
    a, b = system.start(), system.start()
    system.mysql_down()

    def attempt():
        b.pause()
        cut_clients(system)
        a.await_health(redis=True)
        ref = a.api.post("/items", item()).json()["data"]["id"]
        a.pause()
        system.redis.wipe()
        b.resume()
        wait_until(lambda: system.redis.db.hget("items:log", "epoch"), 10, "a new log")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, b, ref)
            wait_until(lambda: answer.done() or value(b, "http_requests_in_flight") == 2, 5, "asked")
            a.resume()
            return answer.result().status == status
    # an attempt fails where the test is held up for longer than anybody would wait
    assert any(attempt() for _ in range(5))


@pytest.mark.parametrize("write", ["update", "delete"])
def test_a_write_after_a_flush_does_not_go_past_what_waits(system, write):
    """The marks that tell of it are lost, and MySQL is up."""
    relevo = system.start()
    ident = relevo.api.post("/items", item(status="v0")).json()["data"]["id"]
    system.mysql_down()
    assert relevo.api.patch(f"/items/{ident}", {"status": "older"}).status == 202
    system.redis.hold_lease()
    system.mysql.start()
    relevo.await_health(mysql=True)
    system.redis.hold_lease(flush=True)
    if write == "update":
        assert relevo.api.patch(f"/items/{ident}", {"status": "newer"}).status == 202
    else:
        assert relevo.api.delete(f"/items/{ident}").status == 202
    system.redis.drop_lease()
    system.await_drained()
    assert [row[2] for row in system.mysql.items().values()] == ["newer"] * (write == "update")
    assert [one["status"] for one in items_of(relevo)] == ["newer"] * (write == "update")
    assert relevo.api.get("/sync/dead").json()["count"] == 0


def lose_memory(system, near, far):
    """Redis loses it with MySQL back, while a create waits that both know and nobody drains."""
    system.mysql_down()
    create_offline(near, far)
    system.redis.hold_lease()
    system.mysql.start()
    for daemon in (near, far):
        daemon.await_health(mysql=True)
    system.redis.hold_lease(flush=True)


def test_a_write_after_a_flush_goes_behind_what_waits_on_an_item_made_since(system):
    """Another instance made it, and queued a change of it as it would of any item at that time. Of
    neither has this one read."""
    near = system.start(proxied=True)
    far = system.start(proxied=True, RELEVO_REDIS_TIMEOUT="5s")
    lose_memory(system, near, far)
    for daemon in (near, far):
        wait_until(lambda: daemon.log_lines("checked against the lists"), 5, "put back")
    far.redis.await_hit(far.redis.arm(b"XREAD", SERVER, 0, stall=True))
    made = near.api.post("/items", item(code="Y"))
    assert made.status == 201
    path = f"/items/{made.json()['data']['id']}"
    near.mysql.down()
    assert near.api.patch(path, {"status": "patched"}).status == 202
    assert far.api.delete(path).status == 202
    far.redis.up()
    near.mysql.up()
    system.redis.drop_lease()
    system.await_drained()
    assert near.api.get("/sync/dead").json()["count"] == 0
    assert system.mysql.codes() == ["X"]


def test_a_write_after_a_flush_is_not_queued_past_one_that_redis_is_gone_for(system):
    """It waits until what the others remember is back: nothing waits on its item, so it goes into
    MySQL, where an instance that Redis alone is gone for finds it."""
    near, far = system.start(), system.start(proxied=True)
    path = f"/items/{near.api.post('/items', item(code='Y')).json()['data']['id']}"
    lose_memory(system, near, far)
    wait_until(lambda: near.log_lines("checked against the lists"), 5, "put back")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        older = pool.submit(near.api.patch, path, {"status": "older"})
        far.redis.down()
        far.await_health(redis=False)
        assert older.result().status == 200
    assert far.api.patch(path, {"status": "newer"}).status == 200
    far.redis.up()
    system.redis.drop_lease()
    system.await_drained()
    assert sorted(row[2] for row in system.mysql.items().values()) == ["newer", "v0"]


def drain_by_hand(system, kind, ident):
    """What a drainer commits that dies before it can tell anybody. Returns the item's id."""
    entry = json.loads(system.redis.db.lrange({
        "create": "items:pending", "update": "items:pending_updates",
        "delete": "items:pending_deletes"}[kind], 0, -1)[0])
    change, args = {
        "create": ("INSERT INTO items (code,type,status,area) VALUES (%s,'t','s','a')", ["X"]),
        "update": ("UPDATE items SET status='patched',version=version+1,updated_at=@t WHERE id=%s",
                   [ident]),
        "delete": ("DELETE FROM items WHERE id=%s", [ident])}[kind]
    with contextlib.closing(system.mysql.connect(autocommit=False)) as session, \
            session.cursor() as cursor:
        cursor.execute("SET @t=NOW(6)")
        cursor.execute(change, args)
        ident = cursor.lastrowid or ident
        cursor.execute(
            "INSERT INTO relevo_applied (op,kind,state,item_id,version,members,applied_at,expires_at)"
            " VALUES (UNHEX(REPLACE(%s,'-','')),%s,0,%s,2,1,@t,NOW(6)+INTERVAL 7 DAY)",
            (entry["op"], ["create", "update", "delete"].index(kind), ident))
        session.commit()
    return ident


@pytest.mark.parametrize("write", ["create", "update", "delete"])
def test_what_was_drained_does_not_wait_again_after_a_flush(system, write):
    """Of two instances one begins a new log, the other one follows it, and nobody drains."""
    a, b = system.start(), system.start()
    ident = a.api.post("/items", item(status="v0")).json()["data"]["id"]
    wait_until(lambda: len(items_of(b)) == 1, 5, "the other shows it")
    system.mysql_down()
    {"create": lambda: a.api.post("/items", item(code="X")),
     "update": lambda: a.api.patch(f"/items/{ident}", {"status": "patched"}),
     "delete": lambda: a.api.delete(f"/items/{ident}")}[write]()
    wait_until(lambda: sum(pending_counts(b)) == 1, 5, "the other knows what waits")
    system.redis.hold_lease()
    system.mysql.start()
    for daemon in (a, b):
        daemon.await_health(mysql=True)
    changed = drain_by_hand(system, write, ident)
    system.redis.hold_lease(flush=True)
    wait_until(lambda: system.redis.db.hget("items:log", "epoch"), 10, "a new log")
    expected = {"create": [ident, changed], "update": [ident], "delete": []}[write]
    for daemon in (a, b):
        wait_until(lambda: sum(pending_counts(daemon)) == 0, 10, lambda: pending_counts(daemon))
        assert [one["id"] for one in items_of(daemon)] == expected
        assert not any("pending" in one for one in items_of(daemon))
        if write == "update":
            assert shown(daemon, ident)["status"] == "patched"
    assert system.pending() == 0
    system.redis.drop_lease()


def test_an_instance_that_slept_through_the_drain_brings_nothing_back(system):
    """It knows operations as waiting that are long applied, and the log is trimmed behind it."""
    a, b = system.start(), system.start()
    other = b.api.post("/items", item(code="Y")).json()["data"]["id"]
    system.mysql_down()
    ref = create_offline(a, b)
    a.api.patch(f"/items/{ref}", {"status": "patched"})
    wait_until(lambda: shown(b, ref)["status"] == "patched", 5, "the other follows")
    a.pause()
    system.mysql_up()

    def trimmed():
        for n in range(100):
            b.api.patch(f"/items/{other}", {"status": f"s{n}"})
        first = system.redis.db.xrange("items:changes", count=1)[0][0].split(b"-")[0]
        return int(first) > 100
    wait_until(trimmed, 60, "the log is trimmed")
    a.resume()
    system.await_up()
    b.api.patch(f"/items/{ref}", {"status": "newer"})
    await_status((a, b), ref, "newer")
    await_consistent(a)
    assert sync_status(a)["pending_updates"] == 0


@pytest.mark.parametrize("marker, verdict", [("+", b"done"), ("*", b"ok:57")])
def test_what_was_settled_meanwhile_is_put_back_only_for_sure(system, relevo, marker, verdict):
    """Between an instance's look at the lists and its putting back, a drain may have settled it."""
    db, op = system.redis.db, "01a20e7a-243c-7b4b-99a3-d5380f09a5d3"
    epoch = db.hget("items:log", "epoch")
    accept = script(system, "accept")
    db.set(f"items:done:{op}", "{}")
    relevo.pause()
    answer = accept(args=[epoch, "x", "1", 1000, "",
                          op, "c", f"pending_{op}", marker, '{"op":"x"', "-", "57"])
    assert answer[1] == verdict
    assert db.llen("items:pending") == (verdict == b"ok:57")
    db.delete("items:pending", "items:ops", "items:pending:ids")


def test_what_a_dead_drain_settled_but_did_not_trim_waits_no_more(system):
    """The lists are trimmed at their heads, so it still stands behind one that waits."""
    a, b = system.start(), system.start()
    db = system.redis.db
    system.mysql_down()
    first = create_offline(a, b, code="X")
    settled = create_offline(a, b, code="Y")
    a.kill()
    op = settled.removeprefix("pending_")
    system.redis.hold_lease(seconds=10)
    script(system, "settle")(args=[
        7, db.hget("items:log", "epoch"), "a", "1", '[{"t":"done","ops":["%s"]}]' % op, 0, 0, 0,
        1, op, settled, "", 1, op, '{"kind":"create","state":"applied","id":null}', 60, 0])
    wait_until(lambda: db.hget("items:log", "snap") == db.hget("items:log", "seq"), 5,
               "the other's snapshot is later than that")
    a.start(wait="up")
    assert [row["id"] for row in a.api.get("/items").data] == [first]
    assert db.hkeys("items:ops") == [first.removeprefix("pending_").encode()]
    assert db.llen("items:pending") == 2
