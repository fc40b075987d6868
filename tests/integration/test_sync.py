"""GET /sync/status and POST /sync/run."""
import pytest

from harness import (await_consistent, expect_problem, item, item_key, pending_counts, sync_status,
                     wait_until)

FIRST = ["mysql_available", "redis_available", "cache_items", "pending_creates", "pending_updates",
         "pending_deletes", "is_consistent", "consistency_details", "status"]
EXTRA = {"mode", "dead_letters", "conflicts", "last_sync", "rebuilds_total", "instances", "drain"}


def test_members(relevo):
    await_consistent(relevo)
    status = sync_status(relevo)
    assert list(status)[:len(FIRST)] == FIRST
    assert EXTRA <= set(status)
    assert list(status["consistency_details"]) == ["is_valid", "items_count", "hash_match"]
    assert list(status["last_sync"]) == ["at", "duration_ms", "deletes", "updates", "creates",
                                         "rebuilt"]
    assert list(status["drain"]) == ["running", "done", "total"]


def test_synced_when_all_is_well(relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    await_consistent(relevo)
    status = sync_status(relevo)
    assert status["mysql_available"] is True and status["redis_available"] is True
    assert status["cache_items"] == 3
    assert pending_counts(relevo) == (0, 0, 0)
    assert status["consistency_details"] == {"is_valid": True, "items_count": 3, "hash_match": True}
    assert status["status"] == "synced" and status["mode"] == "online"
    assert (status["dead_letters"], status["conflicts"], status["rebuilds_total"]) == (0, 0, 0)
    assert status["instances"] == 1


def test_pending_counts_by_kind(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(4):
        relevo.api.post("/items", item(code=f"D-{n}"))
    relevo.api.patch("/items/1", {"area": "x"})
    relevo.api.patch("/items/2", {"area": "x"})
    relevo.api.delete("/items/3")
    assert pending_counts(relevo) == (4, 2, 1)
    status = sync_status(relevo)
    assert status["mysql_available"] is False and status["redis_available"] is True
    assert status["is_consistent"] is False and status["status"] == "out_of_sync"
    assert status["mode"] == "offline"
    assert status["cache_items"] == 6


def test_last_sync_counts_what_was_drained(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(4):
        relevo.api.post("/items", item(code=f"D-{n}"))
    relevo.api.patch("/items/1", {"area": "x"})
    relevo.api.patch("/items/2", {"area": "x"})
    relevo.api.delete("/items/3")
    system.mysql.start()

    def reported():
        last = sync_status(relevo)["last_sync"] or dict.fromkeys(("deletes", "updates", "creates"))
        return (last["deletes"], last["updates"], last["creates"]) == (1, 2, 4) and last
    # A cycle that follows may have nothing to report, so the log is asked as well.
    wait_until(lambda: reported() or relevo.log_lines("[SYNC]", "4"), 10, "the drain's counts")
    system.await_up()
    await_consistent(relevo)


def test_not_consistent_without_redis(system, relevo):
    await_consistent(relevo)
    system.redis_down()
    status = sync_status(relevo)
    assert status["redis_available"] is False and status["mysql_available"] is True
    assert status["is_consistent"] is False and status["status"] == "out_of_sync"
    system.redis_up()
    await_consistent(relevo)


def test_run_answers_202_and_runs(system, relevo):
    relevo.stop()
    relevo.start(RELEVO_SYNC_INTERVAL="1h")
    relevo.api.post("/items", item())
    system.mysql.sql("UPDATE items SET area='Sótano'")
    wait_until(lambda: relevo.api.post("/sync/run").status == 202, 5, "POST /sync/run gets 202")
    wait_until(lambda: relevo.api.get("/items/1").data["area"] == "Sótano", 10, "the repair")


def test_run_answers_202_or_409(relevo):
    answers = []

    def asked():  # until then the cycle of the start runs
        answers.extend(relevo.api.post("/sync/run") for _ in range(20))
        return 202 in {answer.status for answer in answers}
    wait_until(asked, 10, "a cycle that was asked for")
    assert {answer.status for answer in answers} <= {202, 409}
    for answer in answers:
        if answer.status == 409:
            expect_problem(answer, 409)


def test_run_while_mysql_is_down_does_no_harm(system, relevo):
    system.mysql_down()
    relevo.api.post("/items", item())
    assert relevo.api.post("/sync/run").status in (202, 409)
    assert pending_counts(relevo) == (1, 0, 0)
    system.mysql_up()
    assert system.mysql.codes() == ["PC-01"]


def test_every_instance_tells_the_same(system):
    daemons = [system.start() for _ in range(2)]
    daemons[0].api.post("/items", item())
    system.mysql_down()
    daemons[0].api.post("/items", item(code="B"))
    daemons[1].api.patch("/items/1", {"area": "x"})
    wait_until(lambda: [pending_counts(daemon) for daemon in daemons] == [(1, 1, 0)] * 2, 5,
               "both see what is pending")
    system.mysql_up()
    for daemon in daemons:
        await_consistent(daemon)
    wait_until(lambda: [sync_status(daemon)["instances"] for daemon in daemons] == [2, 2], 6,
               "both heartbeats")
    told = [sync_status(daemon) for daemon in daemons]
    for member in ("cache_items", "is_consistent", "mode", "dead_letters", "conflicts",
                   "rebuilds_total", "instances"):
        assert told[0][member] == told[1][member], member


def test_the_loop_runs_by_itself(system, relevo):
    await_consistent(relevo)
    first = sync_status(relevo)["last_sync"]["at"]
    wait_until(lambda: sync_status(relevo)["last_sync"]["at"] != first, 6, "another sync cycle")


@pytest.mark.parametrize("limit", [0, 3])
def test_beyond_the_limit_outage_writes_get_503(system, limit):
    relevo = system.start(RELEVO_MAX_PENDING=str(limit))
    relevo.api.post("/items", item(code="first"))
    system.mysql_down()
    answers = [relevo.api.post("/items", item(code=f"C-{n}")) for n in range(limit + 2)]
    assert [answer.status for answer in answers] == [202] * limit + [503, 503]
    assert int(answers[-1].headers["Retry-After"]) > 0
    expect_problem(answers[-1], 503)
    assert relevo.api.patch("/items/1", {"area": "x"}).status == 503
    assert relevo.api.get("/items").json()["total"] == limit + 1
    system.mysql_up()
    assert len(system.mysql.items()) == limit + 1
    assert relevo.api.post("/items", item(code="again")).status == 201


def test_drained_item_is_found_under_both_ids(system, relevo):
    system.mysql_down()
    made = relevo.api.post("/items", item()).data
    system.mysql_up()
    final = relevo.api.get("/items").data[0]
    assert relevo.api.get(item_key(made)).data == relevo.api.get(item_key(final)).data == final
