"""GET /operations/{op}."""
import re

import pytest

from harness import expect_problem, item, item_key, wait_until

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
MEMBERS = ["operation", "kind", "state", "item_id", "accepted_at", "applied_at"]


def operation(daemon, op):
    answer = daemon.api.get(f"/operations/{op}")
    assert answer.status == 200, answer
    assert list(answer.json()) == MEMBERS
    return answer.json()


@pytest.fixture
def three(system, relevo):
    """Operations of each kind, accepted in an outage: {kind: (operation, item id)}."""
    for code in ("A", "B"):
        relevo.api.post("/items", item(code=code))
    system.mysql_down()
    made = relevo.api.post("/items", item()).json()
    changed = relevo.api.patch("/items/1", {"area": "x"}).json()
    gone = relevo.api.delete("/items/2").json()
    return {"create": (made["operation"], made["data"]["id"]), "update": (changed["operation"], 1),
            "delete": (gone["operation"], 2)}


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_pending(relevo, three, kind):
    op, item_id = three[kind]
    shown = operation(relevo, op)
    assert (shown["operation"], shown["kind"], shown["state"]) == (op, kind, "pending")
    assert shown["item_id"] == (item_id if kind != "create" else shown["item_id"])
    assert TIME.match(shown["accepted_at"]) and shown["applied_at"] is None


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_applied(system, relevo, three, kind):
    op, item_id = three[kind]
    before = operation(relevo, op)
    system.mysql_up()
    shown = operation(relevo, op)
    assert (shown["kind"], shown["state"]) == (kind, "applied")
    assert shown["accepted_at"] == before["accepted_at"] <= shown["applied_at"]
    if kind == "create":
        assert shown["item_id"] in system.mysql.items()
    else:
        assert shown["item_id"] == item_id


def test_applied_is_known_while_mysql_is_down_again(system, relevo, three):
    system.mysql_up()
    shown = {kind: operation(relevo, op) for kind, (op, _) in three.items()}
    system.mysql_down()
    assert {kind: operation(relevo, op) for kind, (op, _) in three.items()} == shown


def test_applied_is_known_when_redis_lost_its_memory(system, relevo, three):
    system.mysql_up()
    shown = {kind: operation(relevo, op) for kind, (op, _) in three.items()}
    system.redis.wipe()
    wait_until(lambda: system.redis.db.exists("items:cache"), 10, "items:cache is back")
    assert {kind: operation(relevo, op) for kind, (op, _) in three.items()} == shown


def test_any_instance_knows(system, relevo, three):
    other = system.start(wait="up")
    other.await_health(redis=True)
    for op, _ in three.values():
        assert operation(other, op)["state"] == "pending"
    system.mysql_up()
    for op, _ in three.values():
        assert operation(other, op) == operation(relevo, op)


def test_cancelled_operations_are_applied(system, relevo):
    system.mysql_down()
    made = relevo.api.post("/items", item()).json()
    gone = relevo.api.delete(item_key(made["data"])).json()
    system.mysql_up()
    assert operation(relevo, made["operation"])["state"] == "applied"
    assert operation(relevo, gone["operation"])["state"] == "applied"


def test_an_update_whose_row_is_gone_is_a_conflict(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    op = relevo.api.patch("/items/1", {"area": "x"}).json()["operation"]
    relevo.pause()
    system.mysql.start()
    system.mysql.sql("DELETE FROM items")
    relevo.resume()
    system.await_up()
    assert operation(relevo, op)["state"] == "conflict"


def test_what_mysql_refuses_is_rejected(system, relevo):
    system.mysql_down()
    op = relevo.api.post("/items", item(code="X" * 40)).json()["operation"]
    relevo.pause()
    system.mysql.start()
    system.mysql.sql("ALTER TABLE items MODIFY code VARCHAR(20)")
    relevo.resume()
    system.await_up()
    assert operation(relevo, op)["state"] == "rejected"


@pytest.mark.parametrize("op", ["018f0000-0000-7000-8000-000000000000", "x", "1", "0" * 36, "%00",
                                "018f0000-0000-7000-8000-00000000000g"])
def test_unknown_operation_is_404(relevo, op):
    answer = relevo.api.get(f"/operations/{op}")
    expect_problem(answer, 404 if op != "%00" else answer.status)
    assert 400 <= answer.status < 500
