"""Dead letters: /sync/dead, retry, discard."""
import json

import pytest

from harness import expect_problem, item, item_key, pending_counts, row_of, sync_status, wait_until

MEMBERS = ["operation", "kind", "id", "reason", "detail", "data", "base", "current", "accepted_at",
           "instance"]
LISTS = {"create": "items:pending", "update": "items:pending_updates",
         "delete": "items:pending_deletes"}


def letters(daemon):
    answer = daemon.api.get("/sync/dead")
    assert answer.status == 200, answer
    body = answer.json()
    assert list(body) == ["count", "data"] and body["count"] == len(body["data"])
    for letter in body["data"]:
        assert list(letter)[:len(MEMBERS)] == MEMBERS
    return body["data"]


def await_letters(daemon, count):
    return wait_until(lambda: len(letters(daemon)) == count and letters(daemon), 10,
                      lambda: f"{count} dead letters, there are {letters(daemon)}")


def foreign(system, daemon, *statements):
    """MySQL back, the statements run there, and only then may the daemon see it."""
    daemon.pause()
    system.mysql.start()
    for statement in statements:
        system.mysql.sql(statement)
    daemon.resume()
    system.await_up()


@pytest.fixture
def gone(system, relevo):
    """A letter: an update whose row is gone. Its operation."""
    relevo.api.post("/items", item())
    system.mysql_down()
    operation = relevo.api.patch("/items/1", {"area": "Sala 9"}).json()["operation"]
    foreign(system, relevo, "DELETE FROM items")
    return operation


@pytest.fixture
def refused(system, relevo):
    """A letter: a create that MySQL refuses. Its operation."""
    system.mysql_down()
    operation = relevo.api.post("/items", item(code="X" * 40)).json()["operation"]
    foreign(system, relevo, "ALTER TABLE items MODIFY code VARCHAR(20)")
    return operation


def test_none_at_first(relevo):
    assert letters(relevo) == []
    assert sync_status(relevo)["dead_letters"] == 0


def test_an_update_of_a_gone_row(system, relevo, gone):
    letter, = letters(relevo)
    assert letter["operation"] == gone and letter["kind"] == "update" and letter["id"] == 1
    assert letter["reason"] == "gone" and letter["data"] == {"area": "Sala 9"}
    assert letter["current"] is None and letter["instance"] == "a"
    assert letter["accepted_at"] and letter["detail"]
    assert sync_status(relevo)["dead_letters"] == 1
    assert system.mysql.items() == {} and relevo.api.get("/items").data == []


def test_what_mysql_refuses(system, relevo, refused):
    letter, = letters(relevo)
    assert letter["operation"] == refused and letter["kind"] == "create"
    assert letter["reason"] == "refused" and row_of(letter["data"]) == row_of(item(code="X" * 40))
    assert relevo.api.get("/items").data == []


def test_nothing_behind_a_refused_operation_is_held_up(system, relevo):
    system.mysql_down()
    for n in range(5):
        relevo.api.post("/items", item(code=f"C-{n}"))
    relevo.api.post("/items", item(code="X" * 40))
    for n in range(5, 10):
        relevo.api.post("/items", item(code=f"C-{n}"))
    foreign(system, relevo, "ALTER TABLE items MODIFY code VARCHAR(20)")
    assert system.mysql.codes() == [f"C-{n}" for n in range(10)]
    assert len(letters(relevo)) == 1


def test_newest_first(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    operations = [relevo.api.patch(f"/items/{n}", {"area": "x"}).json()["operation"]
                  for n in (2, 1)]
    foreign(system, relevo, "DELETE FROM items WHERE id < 3")
    await_letters(relevo, 2)
    system.mysql_down()
    operations.append(relevo.api.patch("/items/3", {"area": "x"}).json()["operation"])
    foreign(system, relevo, "DELETE FROM items")
    found = [letter["operation"] for letter in await_letters(relevo, 3)]
    assert found[0] == operations[2] and sorted(found) == sorted(operations)


POISON = {
    "no JSON": ("create", b"not json"), "cut JSON": ("create", b'{"code":"x'),
    "a bare number": ("create", b"5"), "a string": ("create", b'"x"'), "a list": ("create", b"[]"),
    "an empty object": ("create", b"{}"), "no UTF-8": ("create", b"\xff\xfe{}"),
    "no JSON in the updates": ("update", b"not json"),
    "another object in the updates": ("update", b'{"foo":1}'),
    "no data in the updates": ("update", b'{"id":5}'),
    "a list in the updates": ("update", b"[5]"), "no JSON in the deletes": ("delete", b"not json"),
    "a text in the deletes": ("delete", b'"abc"'),
    "another object in the deletes": ("delete", b'{"foo":1}'),
    "a fraction in the deletes": ("delete", b"1.5"), "empty": ("delete", b""),
}


@pytest.mark.parametrize("name", POISON)
def test_a_poison_entry_becomes_a_letter_and_holds_up_nothing(system, relevo, name):
    kind, entry = POISON[name]
    relevo.api.post("/items", item(code="first"))
    system.mysql_down()
    system.redis.db.rpush(LISTS[kind], entry)
    relevo.api.post("/items", item(code="behind"))
    relevo.api.patch("/items/1", {"area": "behind"})
    system.mysql_up()
    letter, = await_letters(relevo, 1)
    assert letter["reason"] in ("unreadable", "refused")
    assert {row[0]: row[3] for row in system.mysql.items().values()} \
        == {"first": "behind", "behind": "Sala 1"}
    assert pending_counts(relevo) == (0, 0, 0)


def test_all_poison_at_once(system, relevo):
    system.mysql_down()
    for kind, entry in POISON.values():
        system.redis.db.rpush(LISTS[kind], entry)
    relevo.api.post("/items", item(code="behind"))
    system.mysql_up()
    await_letters(relevo, len(POISON))
    assert system.mysql.codes() == ["behind"]


def test_poison_with_mysql_up_is_found_by_the_loop(system, relevo):
    system.redis.db.rpush("items:pending", b"not json")
    letter, = await_letters(relevo, 1)
    assert letter["reason"] == "unreadable"
    assert pending_counts(relevo) == (0, 0, 0)


@pytest.mark.parametrize("body", [
    item(code="x" * 51), item(area="x" * 101), {"code": "only"}, item(acquisition_date="2024-02-30"),
    item(code=""), item(code=None)], ids=["long code", "long area", "missing", "date", "empty", "null"])
def test_a_legacy_create_that_our_rules_refuse(system, relevo, body):
    system.redis.db.rpush("items:pending", json.dumps(body))
    letter, = await_letters(relevo, 1)
    assert letter["reason"] == "refused" and letter["kind"] == "create"
    assert system.mysql.items() == {}


# --- retry ---

def test_retry_with_a_corrected_body(system, relevo, refused):
    answer = relevo.api.post(f"/sync/dead/{refused}/retry", item(code="short"))
    assert answer.status == 202 and answer.json()["operation"] == refused
    wait_until(lambda: system.mysql.codes() == ["short"], 10, "the retried create")
    wait_until(lambda: letters(relevo) == [], 5, "the letter is gone")
    wait_until(lambda: relevo.api.get(f"/operations/{refused}").json()["state"] == "applied", 5,
               "the operation is applied")
    system.await_drained()
    assert [shown["code"] for shown in relevo.api.get("/items").data] == ["short"]


def test_retry_without_a_body_once_the_cause_is_gone(system, relevo, refused):
    system.mysql.sql("ALTER TABLE items MODIFY code VARCHAR(50)")
    assert relevo.api.post(f"/sync/dead/{refused}/retry").status == 202
    wait_until(lambda: system.mysql.codes() == ["X" * 40], 10, "the retried create")
    wait_until(lambda: letters(relevo) == [], 5, "the letter is gone")


def test_retry_of_what_is_refused_again_is_a_letter_again(system, relevo, refused):
    assert relevo.api.post(f"/sync/dead/{refused}/retry").status == 202
    wait_until(lambda: system.pending() == 0 and len(letters(relevo)) == 1, 10, "a letter again")
    assert letters(relevo)[0]["operation"] == refused
    assert system.mysql.items() == {}


def test_retry_with_an_invalid_body_names_the_faults(relevo, refused):
    answer = relevo.api.post(f"/sync/dead/{refused}/retry", item(code="", extra=1))
    expect_problem(answer, 422, ["code", "extra"])
    assert [letter["operation"] for letter in letters(relevo)] == [refused]


@pytest.mark.parametrize("body, status", [(b"{", 400), (b"[]", 422)])
def test_retry_with_a_broken_body(relevo, refused, body, status):
    expect_problem(relevo.api.post(f"/sync/dead/{refused}/retry", body), status)
    assert len(letters(relevo)) == 1


def test_retry_of_an_update_whose_row_is_still_gone(system, relevo, gone):
    assert relevo.api.post(f"/sync/dead/{gone}/retry").status == 202
    wait_until(lambda: system.pending() == 0 and len(letters(relevo)) == 1, 10, "a letter again")
    assert letters(relevo)[0]["reason"] == "gone"


def test_retry_after_the_row_came_back(system, relevo, gone):
    system.mysql.sql("INSERT INTO items (id,code,type,status,area) VALUES (1,'n','n','n','n')")
    assert relevo.api.post(f"/sync/dead/{gone}/retry").status == 202
    wait_until(lambda: system.mysql.items()[1][3] == "Sala 9", 10, "the retried update")
    wait_until(lambda: letters(relevo) == [], 5, "the letter is gone")


def test_retry_has_no_second_conflict_check(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    operation = relevo.api.patch("/items/1", {"area": "ours"}).json()["operation"]
    foreign(system, relevo, "UPDATE items SET area='theirs', status='theirs'")
    letter, = await_letters(relevo, 1)
    assert (letter["operation"], letter["reason"]) == (operation, "conflict")
    assert system.mysql.items()[1][3] == "theirs"
    assert relevo.api.post(f"/sync/dead/{operation}/retry").status == 202
    wait_until(lambda: system.mysql.items()[1][3] == "ours", 10, "the retried update")
    assert system.mysql.items()[1][2] == "theirs"
    wait_until(lambda: letters(relevo) == [], 5, "the letter is gone")


def test_retry_while_mysql_is_down_waits(system, relevo, gone):
    system.mysql_down()
    assert relevo.api.post(f"/sync/dead/{gone}/retry").status == 202
    assert pending_counts(relevo) == (0, 1, 0)
    system.mysql_up()
    wait_until(lambda: len(letters(relevo)) == 1, 5, "gone again")


def test_retry_while_redis_is_down_goes_to_mysql(system, relevo, gone):
    system.mysql.sql("INSERT INTO items (id,code,type,status,area) VALUES (1,'n','n','n','n')")
    system.redis_down()
    answer = relevo.api.post(f"/sync/dead/{gone}/retry")
    assert answer.status in (200, 202), answer
    wait_until(lambda: system.mysql.items()[1][3] == "Sala 9", 10, "the retried update")
    system.redis_up()
    wait_until(lambda: letters(relevo) == [], 5, "the letter is gone")
    assert relevo.api.get("/items/1").data["area"] == "Sala 9"


def test_what_became_of_a_retry_without_redis_is_told_to_redis(system, relevo, gone):
    """Which has its first outcome on record."""
    assert relevo.api.get(f"/operations/{gone}").json()["state"] == "conflict"
    system.mysql.sql("INSERT INTO items (id,code,type,status,area) VALUES (1,'n','n','n','n')")
    system.redis_down()
    relevo.api.post(f"/sync/dead/{gone}/retry")
    wait_until(lambda: system.mysql.items()[1][3] == "Sala 9", 10, "the retried update")
    system.redis_up()
    wait_until(lambda: relevo.api.get(f"/operations/{gone}").json()["state"] == "applied", 5,
               "its new outcome")


# --- discard ---

def test_discard(system, relevo, gone):
    assert relevo.api.delete(f"/sync/dead/{gone}").status == 200
    assert letters(relevo) == []
    wait_until(lambda: sync_status(relevo)["dead_letters"] == 0, 5, "the count")
    expect_problem(relevo.api.delete(f"/sync/dead/{gone}"), 404)
    expect_problem(relevo.api.post(f"/sync/dead/{gone}/retry"), 404)


@pytest.mark.parametrize("op", ["018f0000-0000-7000-8000-000000000000", "x", "1"])
def test_unknown_letters_are_404(relevo, op):
    expect_problem(relevo.api.delete(f"/sync/dead/{op}"), 404)
    expect_problem(relevo.api.post(f"/sync/dead/{op}/retry"), 404)
    expect_problem(relevo.api.post(f"/sync/dead/{op}/retry", item()), 404)


# --- kept ---

def test_letters_can_be_read_while_mysql_is_down(system, relevo, gone):
    shown = letters(relevo)
    system.mysql_down()
    assert letters(relevo) == shown


def test_letters_can_be_read_while_redis_is_down(system, relevo, gone):
    shown = letters(relevo)
    system.redis_down()
    assert letters(relevo) == shown


def test_letters_survive_a_flush(system, relevo, gone):
    shown = letters(relevo)
    system.redis.wipe()
    wait_until(lambda: system.redis.db.exists("items:cache"), 10, "items:cache is back")
    wait_until(lambda: letters(relevo) == shown, 5, "the letter is there again")
    wait_until(lambda: system.redis.db.exists("items:dead"), 5, "also in Redis")
    system.mysql_down()
    assert letters(relevo) == shown


def test_letters_survive_a_restart_of_the_daemon(relevo, gone):
    shown = letters(relevo)
    relevo.stop()
    relevo.start()
    assert letters(relevo) == shown


def test_every_instance_shows_them(system, relevo, gone):
    other = system.start()
    assert letters(other) == letters(relevo)
    assert other.api.delete(f"/sync/dead/{gone}").status == 200
    assert letters(relevo) == []


def test_an_item_is_shown_as_mysql_has_it_once_its_operation_died(system, relevo):
    made = relevo.api.post("/items", item()).data
    system.mysql_down()
    relevo.api.patch(item_key(made), {"area": "ours"})
    assert relevo.api.get("/items/1").data["area"] == "ours"
    foreign(system, relevo, "UPDATE items SET area='theirs'")
    shown = relevo.api.get("/items/1").data
    assert shown["area"] == "theirs" and "pending" not in shown


def test_a_copy_in_redis_of_no_letter_goes(system, relevo):
    system.redis.db.hset("items:dead", "01a226a7-259a-7408-937f-66bddaa95247", "{}")
    relevo.api.post("/sync/run")
    wait_until(lambda: not system.redis.db.exists("items:dead"), 10, "it is dropped")
    assert letters(relevo) == []
