"""Redis lost its memory: what was applied is known there again before MySQL goes away."""
import concurrent.futures
import time

from harness import expect_problem, item, wait_until


def remembered(system):
    """Redis has the records of this epoch."""
    return (system.redis.db.hget("items:log", "done") or b"").endswith(b" all")


def test_a_temporary_id_is_known_after_flush_restart_and_outage(system):
    a = system.start()
    system.mysql_down()
    ref = a.api.post("/items", item()).data["id"]
    system.mysql_up()
    system.redis.wipe()
    wait_until(lambda: remembered(system), 10, "the records are back")
    a.stop()
    a.start()
    system.mysql_down()
    assert a.api.get(f"/items/{ref}").status == 200
    answer = a.api.patch(f"/items/{ref}", {"area": "Aula 2"})
    assert answer.status == 202, answer
    system.mysql_up()
    assert [row[3] for row in system.mysql.items().values()] == ["Aula 2"]


def test_a_keyed_repeat_is_known_after_flush_restart_and_outage(system):
    a = system.start()
    key = {"Idempotency-Key": "once"}
    first = a.api.post("/items", item(), key)
    assert first.status == 201
    system.redis.wipe()
    wait_until(lambda: remembered(system), 10, "the records are back")
    a.stop()
    a.start()
    system.mysql_down()
    again = a.api.post("/items", item(), key)
    assert (again.status, again.data) == (201, first.data)
    system.mysql_up()
    assert len(system.mysql.items()) == 1


def test_many_records_come_back_in_steps_and_keep_their_time(system):
    a = system.start()
    system.mysql.sql(
        "INSERT INTO relevo_applied (op,kind,state,item_id,expires_at) WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<990) SELECT UNHEX(LPAD(HEX(i),32,'0')),0,0,i,"
        "NOW(6)+INTERVAL IF(i<=900,3600,-1) SECOND FROM n")
    system.redis.wipe()
    wait_until(lambda: remembered(system), 10, "the records are back")
    keys = list(system.redis.db.scan_iter("items:done:*", count=1000))
    assert len(keys) == 900  # neither those that expired nor records of batches
    assert 3500 < system.redis.db.ttl(keys[0]) <= 3600
    assert a.log_lines("[REBUILD]", "900 records of applied operations")


def test_records_are_copied_once_an_epoch(system):
    a = system.start()
    wait_until(lambda: remembered(system), 10, "looked at once")
    before = system.redis.db.hget("items:log", "done")
    a.stop()
    a.start()
    a.await_health(mode="online")
    assert system.redis.db.hget("items:log", "done") == before


def offline_creates(system, daemon, count=3):
    """Temporary ids of creates that are drained by now, the last of them cancelled."""
    system.mysql_down()
    refs = [daemon.api.post("/items", item(code=f"C-{n}")).data["id"] for n in range(count)]
    assert daemon.api.delete(f"/items/{refs[-1]}").status == 202
    system.mysql_up()
    return refs


def await_loss(daemon):
    wait_until(lambda: daemon.log_lines("[REBUILD]", "lost its memory"), 5, "it knows of the loss")


def test_an_instance_that_started_anew_knows_temporary_ids_when_nobody_else_does(system):
    """Redis loses its memory while MySQL is down: only the instances can tell."""
    a = system.start()
    *kept, cancelled = offline_creates(system, a)
    a.stop()
    a.start()
    a.await_health(mode="online")
    system.mysql_down()
    system.redis.wipe()
    await_loss(a)
    for ref in kept:
        assert a.api.get(f"/items/{ref}").status == 200
    assert a.api.patch(f"/items/{kept[0]}", {"area": "Aula 2"}).status == 202
    assert a.api.delete(f"/items/{kept[1]}").status == 202
    assert a.api.get(f"/items/{cancelled}").status == 404
    system.mysql_up()
    assert [row[3] for row in system.mysql.items().values()] == ["Aula 2"]


def test_a_temporary_id_that_nobody_can_know_is_not_said_to_be_none(system):
    """The instance started while MySQL was down, and asked nobody before Redis lost its memory."""
    a = system.start()
    ref, second, _ = offline_creates(system, a)
    a.stop()
    system.mysql.kill()
    a.start(wait="up")
    a.await_health(redis=True)
    system.redis.wipe()
    await_loss(a)
    problem = expect_problem(a.api.get(f"/items/{ref}"), 503)
    assert problem["type"].endswith(":down")
    expect_problem(a.api.patch(f"/items/{ref}", {"area": "Aula 2"}), 503)
    expect_problem(a.api.delete(f"/items/{second}"), 503)
    expect_problem(a.api.get(f"/operations/{ref.removeprefix('pending_')}"), 503)
    assert a.api.get("/items/999999").status == 404
    system.mysql_up()
    wait_until(lambda: a.api.get(f"/items/{ref}").status == 200, 5, "MySQL tells")
    assert a.api.get("/items/pending_0190163d-8694-739b-aea5-966c26f8ad91").status == 404


def test_a_write_to_an_unknown_item_waits_for_what_may_be_put_back(system):
    """Also where it takes a while to notice that Redis has lost its memory."""
    a = system.start(proxied=True, RELEVO_REDIS_TIMEOUT="3s")
    system.mysql_down()
    a.redis.stall()
    system.redis.wipe()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(a.api.delete, "/items/999999")
        time.sleep(0.9)  # the length of the fault
        a.redis.up()
        assert answer.result().status == 404


def test_only_creates_have_temporary_ids(system):
    """The id of another operation names no item, with Redis and without it."""
    a = system.start()
    ident = a.api.post("/items", item()).data["id"]
    system.mysql_down()
    op = a.api.patch(f"/items/{ident}", {"area": "Aula 2"}).json()["operation"]
    system.mysql_up()
    for _ in range(2):
        assert a.api.get(f"/items/pending_{op}").status == 404
        assert a.api.delete(f"/items/pending_{op}").status == 404
        assert a.api.get(f"/operations/{op}").status == 200
        system.redis_down()
    assert a.api.get(f"/items/{ident}").data["area"] == "Aula 2"


def test_an_instance_that_missed_a_drain_does_not_deny_what_it_brought(system):
    """It is cut off from Redis during the drain, and finds it empty, with MySQL down."""
    a = system.start(proxied=True)
    b = system.start()
    a.await_health(mode="online")
    a.redis.down()
    system.mysql.kill()
    b.await_health(mysql=False)
    ref = b.api.post("/items", item()).data["id"]
    system.mysql.start()
    b.await_health(mysql=True)
    system.await_drained()
    system.mysql_down()
    b.kill()
    system.redis.wipe()
    a.redis.up()
    a.await_health(redis=True)
    expect_problem(a.api.get(f"/items/{ref}"), 503)
    system.mysql.start()
    wait_until(lambda: a.api.get(f"/items/{ref}").status == 200, 10, "MySQL tells")
