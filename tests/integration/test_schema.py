"""The MySQL tables: made, adopted, and what others write into them."""
import os

import pytest

from harness import FIELDS, ITEM_KEYS, item, items_of, row_of, wait_until

PYTHON_TABLE = """CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(50),
    type VARCHAR(50), status VARCHAR(50), area VARCHAR(100), acquisition_date VARCHAR(20))"""


def columns(system):
    rows = system.mysql.sql(
        "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA FROM "
        "information_schema.COLUMNS WHERE TABLE_SCHEMA='relevo' AND TABLE_NAME='items' "
        "ORDER BY ORDINAL_POSITION")
    return {row[0]: row[1:] for row in rows}


def test_items_is_made(system, relevo):
    found = columns(system)
    assert list(found) == ITEM_KEYS
    assert found["id"][0].startswith("bigint") and "auto_increment" in found["id"][3]
    assert found["code"][0] == found["type"][0] == found["status"][0] == "varchar(50)"
    assert found["area"][0] == "varchar(100)"
    assert "bigint" in found["version"][0] and "unsigned" in found["version"][0]
    assert found["version"][1:3] == ("NO", "1")
    assert found["updated_at"][0] == "timestamp(6)" and found["updated_at"][1] == "NO"
    assert "on update current_timestamp(6)" in found["updated_at"][3].lower()


def test_tables_are_innodb_and_utf8mb4(system, relevo):
    rows = system.mysql.sql("SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM "
                            "information_schema.TABLES WHERE TABLE_SCHEMA='relevo'")
    names = {row[0] for row in rows}
    assert "items" in names and all(name == "items" or name.startswith("relevo_") for name in names)
    assert all(row[1] == "InnoDB" and row[2].startswith("utf8mb4") for row in rows)


@pytest.fixture
def adopted(system):
    system.mysql.sql(PYTHON_TABLE)
    for n in range(1, 6):
        system.mysql.sql("INSERT INTO items (code,type,status,area,acquisition_date) VALUES "
                         "(%s,'Computadora','Operativa','Sala 1','2024-01-01')", (f"PY-{n}",))
    return system.start()


def test_pythons_table_is_adopted_with_all_rows(system, adopted):
    found = columns(system)
    assert {"version", "updated_at"} <= set(found)
    assert found["id"][0].startswith("int") and found["acquisition_date"][0] == "varchar(20)"
    assert system.mysql.items() == {n: (*row_of(item(code=f"PY-{n}")), 1) for n in range(1, 6)}
    shown = items_of(adopted)
    assert [row_of(one) for one in shown] == [row_of(item(code=f"PY-{n}")) for n in range(1, 6)]
    assert all(list(one) == ITEM_KEYS and one["version"] == 1 for one in shown)


def test_an_adopted_table_is_writable(system, adopted):
    made = adopted.api.post("/items", item(code="new"))
    assert made.status == 201 and made.data["id"] == 6
    assert adopted.api.patch("/items/1", {"acquisition_date": None}).status == 200
    assert adopted.api.delete("/items/2").status == 200
    assert system.mysql.items()[1][4] is None and 2 not in system.mysql.items()


def test_an_adopted_table_is_drained_into(system, adopted):
    system.mysql_down()
    assert adopted.api.post("/items", item(code="new")).status == 202
    assert adopted.api.patch("/items/1", {"area": "x"}).status == 202
    assert adopted.api.delete("/items/2").status == 202
    system.mysql_up()
    rows = system.mysql.items()
    assert rows[1][3] == "x" and 2 not in rows and rows[max(rows)][0] == "new"


def test_adoption_is_done_once(system, adopted):
    before = columns(system)
    adopted.stop()
    adopted.start()
    assert columns(system) == before and len(items_of(adopted)) == 5


def test_several_instances_may_adopt_at_once(system):
    system.mysql.sql(PYTHON_TABLE)
    system.mysql.sql("INSERT INTO items (code,type,status,area) VALUES ('a','b','c','d')")
    daemons = [system.daemon() for _ in range(3)]
    for daemon in daemons:
        daemon.start(wait=None)
    for daemon in daemons:
        daemon.await_answer()
        daemon.await_health(mysql=True, redis=True)
        wait_until(lambda: len(items_of(daemon)) == 1, 5, "the row")
    assert system.mysql.items() == {1: ("a", "b", "c", "d", None, 1)}


def test_foreign_nulls_are_shown_as_they_are(system):
    system.mysql.sql(PYTHON_TABLE)
    system.mysql.sql("INSERT INTO items (id) VALUES (5)")
    relevo = system.start()
    shown, = items_of(relevo)
    assert {field: shown[field] for field in FIELDS} == dict.fromkeys(FIELDS)
    assert relevo.api.get("/items/5").data == shown
    assert relevo.api.patch("/items/5", {"code": "now"}).data["code"] == "now"
    assert relevo.api.get("/items?q=now").json()["total"] == 1


@pytest.mark.parametrize("date", ["yesterday", "2024-02-30", "", "01/02/2024", "2024-01-01 10:00:00"])
def test_foreign_dates_that_are_none_are_shown_as_they_are(system, date):
    system.mysql.sql(PYTHON_TABLE)
    system.mysql.sql("INSERT INTO items (code,type,status,area,acquisition_date) VALUES "
                     "('a','b','c','d',%s)", (date,))
    relevo = system.start()
    assert items_of(relevo)[0]["acquisition_date"] == date
    answer = relevo.api.patch("/items/1", {"area": "x"})
    assert answer.status == 200 and answer.data["acquisition_date"] == date


def test_foreign_over_long_values_are_shown_as_they_are(system):
    system.mysql.sql("CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, code TEXT, type TEXT,"
                     " status TEXT, area TEXT, acquisition_date VARCHAR(20))")
    system.mysql.sql("INSERT INTO items (code,type,status,area) VALUES (%s,'','c','d')", ("x" * 3000,))
    relevo = system.start()
    shown, = items_of(relevo)
    assert shown["code"] == "x" * 3000 and shown["type"] == ""
    answer = relevo.api.patch("/items/1", {"area": "y"})
    assert answer.status == 200 and answer.data["code"] == "x" * 3000
    system.mysql_down()
    assert relevo.api.patch("/items/1", {"area": "z"}).status == 202
    system.mysql_up()
    assert system.mysql.items()[1] == ("x" * 3000, "", "c", "z", None, 3)


def test_applied_records_do_not_pile_up_for_plain_writes(system, relevo):
    for n in range(200):
        relevo.api.post("/items", item(code=f"C-{n}"))
    (count,), = system.mysql.sql("SELECT COUNT(*) FROM relevo_applied")
    assert count < 50


@pytest.mark.parametrize("records", [0, 150])
def test_a_foreign_open_record_holds_up_no_write(system, relevo, records):
    """Somebody's transaction has written a record of its own and does not end."""
    for _ in range(records):
        system.mysql.sql("INSERT INTO relevo_applied (op,kind,state,expires_at) "
                         "VALUES (%s,0,0,NOW(6)+INTERVAL 1 DAY)", (os.urandom(16),))
    for n in range(10):
        relevo.api.post("/items", item(code=f"C-{n}"))
    session = system.mysql.connect(autocommit=False)
    try:
        session.cursor().execute("INSERT INTO relevo_applied (op,kind,state,expires_at) "
                                 "VALUES (%s,3,0,NOW(6)+INTERVAL 1 DAY)", (os.urandom(16),))
        answers = [relevo.api.post("/items", item(code=f"D-{n}")).status for n in range(60)]
    finally:
        session.rollback()
        session.close()
    assert answers == [201] * 60


def test_a_dropped_table_is_made_again(system, relevo):
    """Somebody drops everything while the daemon is away."""
    relevo.api.post("/items", item())
    relevo.stop()
    system.mysql.wipe()
    relevo.start()
    wait_until(lambda: items_of(relevo) == [], 10, "the empty table is seen")
    assert relevo.api.post("/items", item(code="B")).status == 201
