"""GET /operations and GET /operations/{op}."""
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


# --- those that wait ---

PENDING = ["operation", "kind", "state", "item_id", "accepted_at", "instance", "data", "base"]


def page(daemon, query=""):
    answer = daemon.api.get(f"/operations{query}")
    assert answer.status == 200, answer
    body = answer.json()
    assert list(body) == ["count", "total", "next", "data"] and body["count"] == len(body["data"])
    for shown in body["data"]:
        assert list(shown) == PENDING
    return body


def pages(daemon, limit):
    """All pages, one after the other."""
    shown = page(daemon, f"?limit={limit}")
    found = [shown["data"]]
    while shown["next"] is not None:
        shown = page(daemon, f"?limit={limit}&after={shown['next']}")
        found.append(shown["data"])
    return found


def test_nothing_waits(relevo):
    relevo.api.post("/items", item())
    assert page(relevo) == {"count": 0, "total": 0, "next": None, "data": []}


def test_what_waits_is_listed_on_any_instance(system, relevo, three):
    other = system.start(name="b", wait="up")
    other.await_health(redis=True)
    relevo.api.patch("/items/1", {"status": "Baja"})
    body = page(relevo)
    assert body["total"] == 4 and body["next"] is None
    create, update, delete, again = body["data"]
    for shown in (create, update, delete):
        op, item_id = three[shown["kind"]]
        assert (shown["operation"], shown["item_id"], shown["state"], shown["instance"]) \
            == (op, item_id, "pending", "a")
        assert shown["accepted_at"] == operation(relevo, op)["accepted_at"]
    assert create["data"] == item() and create["base"] is None
    assert update["data"] == {"area": "x"} and update["base"]["area"] == item()["area"]
    assert delete["data"] is None and delete["base"]["code"] == "B"
    assert again["data"] == {"status": "Baja"} and again["item_id"] == 1
    wait_until(lambda: page(other) == body, 5, "the other instance knows the same")
    system.mysql_up()
    for daemon in (relevo, other):
        wait_until(lambda: page(daemon)["total"] == 0, 5, "nothing waits")


def test_pages_of_what_waits(system, relevo):
    system.mysql_down()
    ops = [relevo.api.post("/items", item(code=f"C-{n}")).json()["operation"] for n in range(7)]
    whole, = pages(relevo, 1000)
    assert [shown["operation"] for shown in whole] == ops
    assert pages(relevo, 7) == [whole]
    assert pages(relevo, 3) == [whole[:3], whole[3:6], whole[6:]]
    assert page(relevo, "?limit=3")["total"] == 7
    cursor = page(relevo, "?limit=3")["next"]
    system.mysql_up()
    wait_until(lambda: page(relevo)["total"] == 0, 5, "nothing waits")
    assert page(relevo, f"?after={cursor}")["data"] == []
    system.mysql_down()
    late = relevo.api.post("/items", item()).json()["operation"]
    assert [shown["operation"] for shown in page(relevo, f"?after={cursor}")["data"]] == [late]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "after=", "after=x",
                                   "after=c0000000000000001", "kind=create", "limit=1&limit=1", "%"])
def test_bad_parameters_of_the_list(relevo, query):
    expect_problem(relevo.api.get(f"/operations?{query}"), 400)
