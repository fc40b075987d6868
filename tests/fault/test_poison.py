"""A drain of 10,000 operations with poison among them: one entry of each kind, and nothing behind it
waits."""
import json
import threading

import pytest

from harness import Client, item, items_of, sync_status, wait_until
from harness.metrics import value

GOOD = 10000
CLIENTS = 8
SPLITS = 8  # a transaction of 256 is halved so often until one operation is alone
LISTS = {"create": "items:pending", "update": "items:pending_updates",
         "delete": "items:pending_deletes"}
OPERATION = "018f0000-0000-7000-8000-0000000000"

# What somebody put into the lists: list, entry, reason.
STRANGE = {
    "not JSON": ("create", b"{not json", "unreadable"),
    "not UTF-8": ("update", b'{"id":1,"data":{"area":"\xff"}}', "unreadable"),
    "too long": ("create", json.dumps(item(code="x" * 51)).encode(), "refused"),
    "of wrong types": ("update", json.dumps({"id": 1, "data": {
        "area": ["a"], "acquisition_date": 20240101, "code": "half"}}).encode(), "refused"),
    "of a wrong type": ("create", json.dumps(item(acquisition_date=20240101)).encode(), "refused"),
    "of a misspelt name": ("update", b'{"id":1,"data":{"statuss":"zzz"}}', "refused"),
    "no such date": ("create", json.dumps(item(acquisition_date="2024-02-30")).encode(), "refused"),
    "of unknown kind": ("update", json.dumps({"op": OPERATION + "01", "kind": "rename", "id": 1,
                                              "data": {"area": "x"}}).encode(), "unreadable"),
    "of no kind": ("delete", json.dumps({"op": OPERATION + "02", "id": 1}).encode(), "unreadable"),
    "in the wrong list": ("delete", json.dumps({"op": OPERATION + "03", "kind": "create",
                                                "data": item()}).encode(), "unreadable"),
}

# What somebody did to the table while MySQL was away, and the write that it refuses.
HURDLES = [
    "ALTER TABLE items ADD CONSTRAINT no_loans CHECK (status <> 'prestado')",
    "CREATE TRIGGER no_roof BEFORE INSERT ON items FOR EACH ROW BEGIN IF NEW.area='azotea' THEN "
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='nothing on the roof'; END IF; END",
    "CREATE TRIGGER no_move BEFORE UPDATE ON items FOR EACH ROW BEGIN IF NEW.area='azotea' THEN "
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='no move to the roof'; END IF; END",
    "CREATE TRIGGER no_loss BEFORE DELETE ON items FOR EACH ROW BEGIN IF OLD.type='piano' THEN "
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='the piano stays'; END IF; END",
]
REFUSED = {
    "constraint": ("POST", "/items", item(code="loan", status="prestado")),
    "constraint of an update": ("PATCH", "/items/1", {"status": "prestado"}),
    "trigger": ("POST", "/items", item(code="roof", area="azotea")),
    "trigger of an update": ("PATCH", "/items/2", {"area": "azotea"}),
    "trigger of a delete": ("DELETE", "/items/3", None),
}

DETAIL = {"constraint": "no_loans", "constraint of an update": "no_loans",
          "trigger": "nothing on the roof", "trigger of an update": "no move to the roof",
          "trigger of a delete": "the piano stays"}


def letters(daemon):
    return {letter["operation"]: letter for letter in daemon.api.get("/sync/dead").json()["data"]}


def rollbacks(system):
    return int(system.mysql.admin("SHOW GLOBAL STATUS LIKE 'Com_rollback'")[0][1])


def create_many(daemon, count):
    """By several clients; every answer is 202."""
    wrong = []

    def work(n):
        client = Client(daemon.port)
        for k in range(n, count, CLIENTS):
            answer = client.post("/items", item(code=f"C-{k}"))
            if answer.status != 202:
                wrong.append(answer)
        client.close()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]


def before_the_outage(system):
    # One drain: no time-out of a busy machine shall break it off.
    relevo = system.start(RELEVO_SYNC_INTERVAL="1h", RELEVO_MYSQL_TIMEOUT="5s")
    for code, kind in (("one", "mesa"), ("two", "silla"), ("three", "piano")):
        assert relevo.api.post("/items", item(code=code, type=kind)).status == 201
    system.mysql_down()
    return relevo


def back_with(system, relevo, *statements):
    """MySQL returns, changed, before the daemon sees it."""
    relevo.pause()
    system.mysql.start()
    for statement in statements:
        system.mysql.sql(statement)
    began = rollbacks(system)
    relevo.resume()
    system.await_up(drained=False)
    system.await_drained(timeout=60)
    return rollbacks(system) - began


@pytest.mark.timeout(300)
def test_one_of_each_kind_among_ten_thousand(system):
    relevo = before_the_outage(system)
    half = GOOD // 2
    create_many(relevo, half)
    refused = {}
    for name, (method, path, body) in REFUSED.items():
        answer = relevo.api.request(method, path, body)
        assert answer.status == 202, answer
        refused[name] = answer.json()["operation"]
    for kind, entry, _ in STRANGE.values():
        system.redis.db.rpush(LISTS[kind], entry)
    for n in range(half, GOOD, 1000):
        system.redis.db.rpush("items:pending", *(json.dumps(item(code=f"C-{k}"))
                                                 for k in range(n, n + 1000)))
    drains = value(relevo, "drains_total")
    wasted = back_with(system, relevo, *HURDLES)
    # Each good one, once; of the items that were there nothing is lost and nothing changed.
    codes = system.mysql.codes()
    assert codes == sorted([f"C-{n}" for n in range(GOOD)] + ["one", "two", "three"])
    rows = system.mysql.items()
    assert [rows[n][1:4] for n in (1, 2, 3)] == [
        ("mesa", "Operativa", "Sala 1"), ("silla", "Operativa", "Sala 1"),
        ("piano", "Operativa", "Sala 1")]
    # One letter each, with what it wanted, why not, and the row that it met.
    found = letters(relevo)
    assert len(found) == len(REFUSED) + len(STRANGE)
    for name, operation in refused.items():
        letter = found.pop(operation)
        method, path, body = REFUSED[name]
        assert letter["reason"] == "refused" and letter["detail"], letter
        assert letter["kind"] == {"POST": "create", "PATCH": "update", "DELETE": "delete"}[method]
        if body is not None:
            assert body.items() <= letter["data"].items()
        if method != "POST":
            assert letter["id"] == int(path.rpartition("/")[2]), letter
            assert letter["current"]["id"] == letter["id"] and letter["current"]["version"] == 1
        assert DETAIL[name] in letter["detail"], letter
    assert sorted(letter["reason"] for letter in found.values()) == \
        sorted(reason for _, _, reason in STRANGE.values())
    assert sync_status(relevo)["dead_letters"] == len(REFUSED) + len(STRANGE)
    # Nobody waited for another run on its account, and a poison entry costs a few transactions.
    assert value(relevo, "drains_total") == drains + 1
    assert wasted <= 2 * (SPLITS + 1) * len(REFUSED), f"{wasted} transactions rolled back"
    wait_until(lambda: sync_status(relevo)["is_consistent"], 20, "consistent")
    assert len(items_of(relevo)) == GOOD + 3


def test_corrected_bodies_and_discards(system):
    """What the administrator allows is applied under the same operation, the rest is forgotten."""
    relevo = before_the_outage(system)
    operations = {name: relevo.api.request(method, path, body).json()["operation"]
                  for name, (method, path, body) in REFUSED.items()}
    back_with(system, relevo, *HURDLES)
    assert set(letters(relevo)) == set(operations.values())
    corrected = {"constraint": item(code="loan"), "trigger": item(code="roof", area="sótano"),
                 "constraint of an update": {"status": "Baja"},
                 "trigger of an update": {"area": "sótano"}}
    for name, body in corrected.items():
        answer = relevo.api.post(f"/sync/dead/{operations[name]}/retry", body)
        assert answer.status == 202 and answer.json()["operation"] == operations[name], answer
    system.await_drained()
    wait_until(lambda: set(letters(relevo)) == {operations["trigger of a delete"]}, 10,
               lambda: f"one letter is left: {letters(relevo)}")
    assert relevo.api.post(f"/sync/dead/{operations['trigger of a delete']}/retry").status == 202
    wait_until(lambda: system.pending() == 0 and letters(relevo), 10, "refused again")
    assert relevo.api.delete(f"/sync/dead/{operations['trigger of a delete']}").status == 200
    assert letters(relevo) == {}
    rows = {row[0]: row[1:4] for row in system.mysql.items().values()}
    assert rows == {"one": ("mesa", "Baja", "Sala 1"), "two": ("silla", "Operativa", "sótano"),
                    "three": ("piano", "Operativa", "Sala 1"),
                    "loan": ("Computadora", "Operativa", "Sala 1"),
                    "roof": ("Computadora", "Operativa", "sótano")}
    for name in corrected:
        assert relevo.api.get(f"/operations/{operations[name]}").json()["state"] == "applied"
    assert relevo.api.get(f"/operations/{operations['trigger of a delete']}").json()["state"] \
        == "rejected"
    made = relevo.api.get(f"/items/pending_{operations['trigger']}")
    assert made.status == 200 and made.data["code"] == "roof"


@pytest.mark.parametrize("name", STRANGE)
def test_each_strange_entry_can_be_corrected_or_discarded(system, relevo, name):
    kind, entry, reason = STRANGE[name]
    relevo.api.post("/items", item(code="one"))
    for n in range(2):
        system.mysql_down()
        system.redis.db.rpush(LISTS[kind], entry.replace(OPERATION.encode(),
                                                         OPERATION.replace("8f", f"8{n}").encode()))
        system.mysql_up()
        operation, = letters(relevo)
        assert letters(relevo)[operation]["reason"] == reason
        if n == 0:
            answer = relevo.api.post(f"/sync/dead/{operation}/retry", item(code="good"))
            assert answer.status == 202, answer
            system.await_drained()
            wait_until(lambda: letters(relevo) == {}, 10, "the letter is gone")
            assert "good" in system.mysql.codes()
        else:
            assert relevo.api.delete(f"/sync/dead/{operation}").status == 200
            assert letters(relevo) == {}


# What fits no column: list, entry, the fields that the letter names.
MISFITS = {
    "a number": ("update", {"id": 1, "data": {"status": 5}}, ["status"]),
    "among what fits": ("update", {"id": 1, "data": {"area": ["a"], "acquisition_date": 20240101,
                                                     "code": "half"}}, ["area", "acquisition_date"]),
    "a misspelt name": ("update", {"id": 1, "data": {"statuss": "zzz"}}, ["statuss"]),
    "a number for a date": ("create", item(acquisition_date=20240101), ["acquisition_date"]),
    "an entry of our own shape": ("update", {
        "id": 1, "data": {"status": {"a": 1}, "area": "half"}, "op": OPERATION + "01",
        "kind": "update"}, ["status"]),
}


@pytest.mark.parametrize("outage", [False, True], ids=["MySQL up", "MySQL down"])
@pytest.mark.parametrize("name", MISFITS)
def test_what_fits_no_column_is_refused_whole(system, relevo, name, outage):
    kind, entry, fields = MISFITS[name]
    data = entry if kind == "create" else entry["data"]
    relevo.api.post("/items", item(code="one"))
    before = system.mysql.items()
    if outage:
        system.mysql_down()
    system.redis.db.rpush(LISTS[kind], json.dumps(entry))
    if outage:  # it is given its operation in place, and is still what it was
        wait_until(lambda: b'"op"' in system.redis.db.lindex(LISTS[kind], 0), 10, "it is adopted")
        system.mysql_up()
    letter, = wait_until(lambda: letters(relevo).values(), 10, "the letter")
    assert system.mysql.items() == before
    assert (letter["reason"], letter["kind"], letter["data"]) == ("refused", kind, data)
    for field in fields:
        assert f"{field}: " in letter["detail"].partition("; entry: ")[0], letter
    answer = relevo.api.post(f"/sync/dead/{letter['operation']}/retry")
    assert answer.status == 422 and [fault["field"] for fault in answer.json()["errors"]] == fields
    assert len(letters(relevo)) == 1 and system.mysql.items() == before


def test_an_update_may_carry_what_an_item_shows(system, relevo):
    """The older backend sent the item back as it had got it."""
    shown = relevo.api.post("/items", item(code="one")).data
    system.redis.db.rpush("items:pending_updates", json.dumps(
        {"id": 1, "data": {**shown, "status": "new", "pending": True}}))
    wait_until(lambda: system.mysql.items()[1][2] == "new", 10, "it is applied")
    assert letters(relevo) == {}


# Longer than MariaDB takes a statement, and than a letter has room for.
HUGE = "x" * (17 << 20)
TOO_LONG = {
    "create": ("create", json.dumps(item(code=HUGE)), "refused"),
    "update": ("update", json.dumps({"id": 1, "data": {"area": HUGE}, "op": OPERATION + "01",
                                     "kind": "update"}), "refused"),
    "misfit": ("update", json.dumps({"id": 1, "data": {"status": [HUGE]}, "op": OPERATION + "01",
                                     "kind": "update"}), "refused"),
    "unreadable": ("create", "{no" + HUGE, "unreadable"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name, packet", [  # as MariaDB has it, as MySQL has it
    ("create", 16), ("create", 64), ("update", 16), ("misfit", 64), ("unreadable", 16)])
def test_an_entry_of_any_length_holds_up_nothing(system, name, packet):
    kind, entry, reason = TOO_LONG[name]
    relevo = system.start(RELEVO_REDIS_TIMEOUT="10s", RELEVO_MYSQL_TIMEOUT="10s")
    relevo.api.post("/items", item(code="one"))
    system.mysql_down()
    assert relevo.api.post("/items", item(code="before")).status == 202
    system.redis.db.rpush(LISTS[kind], entry)
    system.redis.db.rpush(LISTS[kind], '{"id":1,"data":{"area":5}}')
    assert relevo.api.post("/items", item(code="after")).status == 202
    system.mysql.start(f"--max-allowed-packet={packet}M")
    system.await_up(drained=False)
    system.await_drained(timeout=120)
    assert system.mysql.codes() == ["after", "before", "one"]
    assert system.mysql.items()[1][3] == "Sala 1"
    assert len(letters(relevo)) == 2
    letter = max(letters(relevo).values(), key=lambda letter: len(letter["detail"]))
    assert (letter["kind"], letter["reason"], letter["data"]) == (kind, reason, None)
    assert " bytes that begin with: {" in letter["detail"][:200]
    assert HUGE[:50000] in letter["detail"]
    # What is not kept cannot be written again, but corrected or discarded it can.
    answer = relevo.api.post(f"/sync/dead/{letter['operation']}/retry")
    assert answer.status == 422, answer
    answer = relevo.api.post(f"/sync/dead/{letter['operation']}/retry", item(code="good"))
    assert answer.status == 202, answer
    system.await_drained()
    wait_until(lambda: len(letters(relevo)) == 1, 10, "the letter is gone")
    assert "good" in system.mysql.codes()


def test_a_letter_that_mysql_does_not_take_holds_up_no_other(system, relevo):
    system.mysql_down()
    for n in range(20):
        system.redis.db.rpush("items:pending", json.dumps(item(code="x" * (51 + n))))
    refused = relevo.api.post("/items", item(code="loan", status="prestado")).json()["operation"]
    assert relevo.api.post("/items", item(code="good")).status == 202
    relevo.pause()
    system.mysql.start()
    system.mysql.sql(HURDLES[0])
    system.mysql.sql(
        f"CREATE TRIGGER no_letter BEFORE INSERT ON relevo_dead FOR EACH ROW BEGIN IF NEW.detail LIKE "
        f"'%\"{'x' * 57}\"%' OR NEW.op=UNHEX('{refused.replace('-', '')}') THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='no such letter'; END IF; END")
    relevo.resume()
    system.await_up(drained=False)
    wait_until(lambda: len(letters(relevo)) == 19, 20, lambda: f"19 letters, not {len(letters(relevo))}")
    wait_until(lambda: system.mysql.codes() == ["good"], 10, "the good one")
    wait_until(lambda: sync_status(relevo)["pending_creates"] == 2, 10, "two are left")
    assert "no such letter" in relevo.log()
    system.mysql.sql("DROP TRIGGER no_letter")
    system.await_drained()
    assert len(letters(relevo)) == 21 and refused in letters(relevo)
    assert system.mysql.codes() == ["good"]


def test_what_is_too_long_for_one_statement_is_drained_in_several(system, relevo):
    """MySQL closes the session with its refusal."""
    system.mysql_down()
    create_many(relevo, 300)
    system.mysql.start("--max-allowed-packet=32K")
    try:
        system.await_up(drained=False)
        system.await_drained(timeout=60)
    finally:
        system.mysql.admin("SET GLOBAL max_allowed_packet=DEFAULT")
    assert len(system.mysql.codes()) == 300 and letters(relevo) == {}
