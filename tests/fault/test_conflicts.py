"""Rows that changed in MySQL while operations on them waited: the three policies."""
import json
import uuid

import pytest

from harness import item, items_of, row_of, sync_status, wait_until

POLICIES = ["last-write-wins", "mysql-wins", "queue-wins"]


def letters(daemon):
    return daemon.api.get("/sync/dead").json()["data"]


def foreign_later(system, daemon, statement):
    """The row changes after the operation was accepted, before the drain."""
    daemon.pause()
    system.mysql.start()
    system.mysql.sql(statement)
    daemon.resume()
    system.await_up()


def foreign_earlier(system, daemon, statement, operate):
    """The row changes before the operation is accepted, but the daemon has not seen it."""
    daemon.pause()
    system.mysql.sql(statement)
    system.mysql.kill()
    daemon.resume()
    daemon.await_health(mysql=False)
    answer = operate()
    assert answer.status == 202, answer
    system.mysql_up()
    return answer.json()["operation"]


@pytest.fixture(params=POLICIES)
def policy(request):
    return request.param


@pytest.fixture
def daemon(system, policy):
    # Nothing but the drain may look at MySQL in between.
    relevo = system.start(RELEVO_CONFLICT=policy, RELEVO_SYNC_INTERVAL="1h")
    for n in range(1, 4):
        relevo.api.post("/items", item(code=f"C-{n}"))
    return relevo


FOREIGN = "UPDATE items SET status='theirs', area='theirs' WHERE id=2"


def test_update_older_than_the_foreign_change(system, daemon, policy):
    system.mysql_down()
    operation = daemon.api.patch("/items/2", {"area": "ours"}).json()["operation"]
    foreign_later(system, daemon, FOREIGN)
    row = system.mysql.items()[2]
    letter, = letters(daemon)
    assert letter["operation"] == operation and letter["id"] == 2
    assert sync_status(daemon)["conflicts"] == 1
    if policy == "queue-wins":
        assert row[2:4] == ("theirs", "ours")
        assert letter["kind"] == "overwritten"
        assert letter["current"]["area"] == letter["current"]["status"] == "theirs"
        assert daemon.api.get(f"/operations/{operation}").json()["state"] == "applied"
    else:
        assert row[2:4] == ("theirs", "theirs")
        assert (letter["kind"], letter["reason"]) == ("update", "conflict")
        assert letter["data"] == {"area": "ours"} and letter["base"]["area"] == "Sala 1"
        assert letter["current"]["area"] == "theirs"
        assert daemon.api.get(f"/operations/{operation}").json()["state"] == "conflict"
    assert row_of(daemon.api.get("/items/2").data) == row[:5]


def test_update_newer_than_the_foreign_change(system, daemon, policy):
    operation = foreign_earlier(system, daemon, FOREIGN,
                                lambda: daemon.api.patch("/items/2", {"area": "ours"}))
    row = system.mysql.items()[2]
    letter, = letters(daemon)
    assert letter["operation"] == operation
    if policy == "mysql-wins":
        assert row[2:4] == ("theirs", "theirs")
        assert (letter["kind"], letter["reason"]) == ("update", "conflict")
    else:
        assert row[2:4] == ("theirs", "ours")
        assert letter["kind"] == "overwritten" and letter["current"]["area"] == "theirs"
    assert row_of(daemon.api.get("/items/2").data) == row[:5]


def test_replace_newer_than_the_foreign_change(system, daemon, policy):
    foreign_earlier(system, daemon, FOREIGN, lambda: daemon.api.put("/items/2", item(area="ours")))
    row = system.mysql.items()[2]
    assert row[:5] == (row_of(item(area="ours")) if policy != "mysql-wins"
                       else row_of(item(code="C-2", status="theirs", area="theirs")))
    assert len(letters(daemon)) == 1


def test_delete_older_than_the_foreign_change(system, daemon, policy):
    system.mysql_down()
    operation = daemon.api.delete("/items/2").json()["operation"]
    foreign_later(system, daemon, FOREIGN)
    letter, = letters(daemon)
    assert letter["operation"] == operation and letter["current"]["area"] == "theirs"
    if policy == "queue-wins":
        assert 2 not in system.mysql.items() and letter["kind"] == "overwritten"
        assert daemon.api.get("/items/2").status == 404
    else:
        assert system.mysql.items()[2][3] == "theirs"
        assert (letter["kind"], letter["reason"]) == ("delete", "conflict")
        assert daemon.api.get("/items/2").data["area"] == "theirs"


def test_delete_newer_than_the_foreign_change(system, daemon, policy):
    foreign_earlier(system, daemon, FOREIGN, lambda: daemon.api.delete("/items/2"))
    letter, = letters(daemon)
    if policy == "mysql-wins":
        assert system.mysql.items()[2][3] == "theirs" and letter["kind"] == "delete"
    else:
        assert 2 not in system.mysql.items() and letter["kind"] == "overwritten"


def test_folded_operations_are_judged_by_the_last(system, daemon, policy):
    """One before, one after the foreign change (of which the daemon learns nothing)."""
    system.mysql_down()
    first = daemon.api.patch("/items/2", {"code": "first"}).json()["operation"]
    daemon.pause()
    system.mysql.start()
    system.mysql.sql(FOREIGN)
    system.mysql.kill()
    daemon.resume()
    last = daemon.api.patch("/items/2", {"area": "ours"}).json()["operation"]
    system.mysql_up()
    row = system.mysql.items()[2]
    found = letters(daemon)
    if policy == "mysql-wins":
        assert row[0] == "C-2" and row[3] == "theirs"
        assert {letter["operation"] for letter in found} <= {first, last} and found
    else:
        assert (row[0], row[2], row[3]) == ("first", "theirs", "ours")
        assert [letter["kind"] for letter in found] == ["overwritten"]


def test_update_of_a_gone_row(system, daemon):
    system.mysql_down()
    operation = daemon.api.patch("/items/2", {"area": "ours"}).json()["operation"]
    foreign_later(system, daemon, "DELETE FROM items WHERE id=2")
    letter, = letters(daemon)
    assert (letter["operation"], letter["reason"], letter["id"]) == (operation, "gone", 2)
    assert 2 not in system.mysql.items() and daemon.api.get("/items/2").status == 404


def test_delete_of_a_gone_row_is_done(system, daemon):
    system.mysql_down()
    operation = daemon.api.delete("/items/2").json()["operation"]
    foreign_later(system, daemon, "DELETE FROM items WHERE id=2")
    assert letters(daemon) == []
    assert daemon.api.get(f"/operations/{operation}").json()["state"] == "applied"


def test_what_ends_in_a_delete_of_a_gone_row_is_done(system, daemon):
    """A delete went before both: a write that may be in MySQL already is queued unasked."""
    system.mysql_down()
    assert daemon.api.patch("/items/2", {"area": "ours"}).status == 202
    assert daemon.api.delete("/items/2").status == 202
    later = json.loads(system.redis.db.lindex("items:pending_deletes", 0))
    earlier = {**later, "op": str(uuid.uuid4()), "seq": later["seq"] - 1000000}
    system.redis.db.rpush("items:pending_deletes", json.dumps(earlier))
    system.mysql_up()
    system.await_up()
    assert letters(daemon) == []
    assert 2 not in system.mysql.items()


def test_a_version_moved_by_hand_is_a_conflict(system, daemon, policy):
    """`version` or `updated_at` differ: one of them is enough."""
    system.mysql_down()
    daemon.api.patch("/items/2", {"area": "ours"})
    foreign_later(system, daemon, "UPDATE items SET version=9, updated_at=updated_at WHERE id=2")
    assert len(letters(daemon)) == 1


def test_our_own_changes_are_no_conflict(system, daemon):
    """An update queued on top of an online one; then two outages on the same item."""
    daemon.api.patch("/items/2", {"area": "one"})
    for n in range(3):
        system.mysql_down()
        daemon.api.patch("/items/2", {"area": f"off {n}"})
        daemon.api.patch("/items/2", {"status": f"off {n}"})
        system.mysql_up()
        daemon.api.patch("/items/2", {"code": f"on {n}"})
    assert system.mysql.items()[2][:4] == ("on 2", "Computadora", "off 2", "off 2")
    assert letters(daemon) == [] and sync_status(daemon)["conflicts"] == 0


def test_another_instances_changes_are_no_conflict(system, daemon):
    other = system.start(RELEVO_SYNC_INTERVAL="1h")
    other.api.patch("/items/2", {"area": "x"})
    daemon.api.patch("/items/2", {"status": "y"})
    system.mysql_down()
    other.api.patch("/items/2", {"code": "z"})
    daemon.api.patch("/items/2", {"area": "w"})
    system.mysql_up()
    assert system.mysql.items()[2][:4] == ("z", "Computadora", "y", "w")
    assert letters(daemon) == []


def test_a_foreign_change_that_was_seen_is_no_conflict(system, daemon):
    system.mysql.sql(FOREIGN)
    wait_until(lambda: daemon.api.post("/sync/run").status == 202, 5, "a sync cycle")
    wait_until(lambda: daemon.api.get("/items/2").data["area"] == "theirs", 8, "the repair")
    system.mysql_down()
    daemon.api.patch("/items/2", {"area": "ours"})
    system.mysql_up()
    assert system.mysql.items()[2][2:4] == ("theirs", "ours") and letters(daemon) == []


def test_retry_of_an_overwritten_letter_puts_the_row_back(system):
    daemon = system.start(RELEVO_CONFLICT="queue-wins")
    daemon.api.post("/items", item())
    system.mysql_down()
    operation = daemon.api.patch("/items/1", {"area": "ours"}).json()["operation"]
    foreign_later(system, daemon, "UPDATE items SET status='theirs', area='theirs'")
    assert system.mysql.items()[1][2:4] == ("theirs", "ours")
    assert daemon.api.post(f"/sync/dead/{operation}/retry").status == 202
    wait_until(lambda: system.mysql.items()[1][2:4] == ("theirs", "theirs"), 8, "the row is back")
    wait_until(lambda: letters(daemon) == [], 5, "the letter is gone")


def test_a_conflict_holds_up_no_other_operation(system, daemon):
    system.mysql_down()
    for n in (1, 2, 3):
        daemon.api.patch(f"/items/{n}", {"code": f"ours {n}"})
    daemon.api.post("/items", item(code="new"))
    foreign_later(system, daemon, FOREIGN)
    rows = system.mysql.items()
    assert rows[1][0] == "ours 1" and rows[3][0] == "ours 3"
    assert "new" in system.mysql.codes() and len(items_of(daemon)) == 4
