"""MySQL killed, frozen, locked: the API goes on, and nothing is lost or doubled."""
import threading
import time

import pytest

from harness import (SLOW, assert_cache_exact, await_consistent, expect_problem, item, item_key,
                     items_of, pending_counts, row_of, sync_status, wait_until)
from harness.proxy import SERVER

TIMEOUT = 1.0  # RELEVO_MYSQL_TIMEOUT


def timed(call):
    started = time.monotonic()
    answer = call()
    return answer, time.monotonic() - started


# --- the outage story ---

def test_kill_write_restart_exact_table(system, relevo):
    for n in range(1, 7):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql.kill()
    made = [relevo.api.post("/items", item(code=f"D-{n}")) for n in range(3)]
    changed = relevo.api.put("/items/1", item(code="C-1b", area="Sala 9", acquisition_date=None))
    patched = relevo.api.patch("/items/2", {"status": "Prestada"})
    gone = relevo.api.delete("/items/3")
    for answer in [*made, changed, patched, gone]:
        assert answer.status == 202, answer
        assert answer.json()["source"] == "REDIS_BACKUP" and answer.json()["status"] == "pending"
    system.mysql_up()
    rows = system.mysql.items()
    assert {n: row for n, row in rows.items() if n < 7} == {
        1: (*row_of(item(code="C-1b", area="Sala 9", acquisition_date=None)), 2),
        2: (*row_of(item(code="C-2", status="Prestada")), 2),
        4: (*row_of(item(code="C-4")), 1), 5: (*row_of(item(code="C-5")), 1),
        6: (*row_of(item(code="C-6")), 1)}
    assert sorted(row for n, row in rows.items() if n > 6) \
        == [(*row_of(item(code=f"D-{n}")), 1) for n in range(3)]
    await_consistent(relevo)
    assert_cache_exact(system, relevo)
    assert [(shown["id"], *row_of(shown), shown["version"]) for shown in items_of(relevo)] \
        == [(n, *row) for n, row in sorted(rows.items())]


def test_create_in_an_outage(system, relevo):
    relevo.api.post("/items", item(code="A"))
    system.mysql_down()
    answer = relevo.api.post("/items", item())
    body = answer.json()
    assert answer.status == 202
    assert list(body) == ["source", "status", "message", "operation", "data"]
    assert body["source"] == "REDIS_BACKUP" and body["status"] == "pending" and body["message"]
    shown = body["data"]
    assert shown["id"] == f"pending_{body['operation']}"
    assert shown["version"] == 0 and list(shown)[-1] == "pending" and shown["pending"] is True
    assert row_of(shown) == row_of(item())
    assert answer.headers["Location"].endswith(item_key(shown))
    assert relevo.api.get(item_key(shown)).data == shown
    assert items_of(relevo)[-1] == shown and len(items_of(relevo)) == 2


@pytest.mark.parametrize("method, body", [("PUT", item(area="x")), ("PATCH", {"area": "x"})])
def test_change_in_an_outage(system, relevo, method, body):
    made = relevo.api.post("/items", item()).data
    system.mysql_down()
    answer = relevo.api.request(method, "/items/1", body)
    told = answer.json()
    assert answer.status == 202
    assert told["source"] == "REDIS_BACKUP" and told["status"] == "pending" and told["operation"]
    shown = told["data"]
    assert shown["area"] == "x" and shown["version"] == made["version"] and shown["pending"] is True
    assert shown["updated_at"] > made["updated_at"]
    assert relevo.api.get("/items/1").data == shown and items_of(relevo) == [shown]


def test_delete_in_an_outage(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    answer = relevo.api.delete("/items/1")
    told = answer.json()
    assert answer.status == 202 and told["status"] == "pending" and told["operation"]
    assert told["source"] == "REDIS_BACKUP"
    expect_problem(relevo.api.get("/items/1"), 404)
    expect_problem(relevo.api.delete("/items/1"), 404)
    expect_problem(relevo.api.patch("/items/1", {"area": "x"}), 404)
    expect_problem(relevo.api.put("/items/1", item()), 404)
    assert items_of(relevo) == []


def test_unknown_items_are_404_in_an_outage_too(system, relevo):
    system.mysql_down()
    for path in ("/items/77", "/items/pending_018f0000-0000-7000-8000-000000000000"):
        expect_problem(relevo.api.get(path), 404)
        expect_problem(relevo.api.patch(path, {"area": "x"}), 404)
        expect_problem(relevo.api.delete(path), 404)
    assert system.pending() == 0


def test_validation_is_the_same_in_an_outage(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    expect_problem(relevo.api.post("/items", {"code": ""}), 422, ["code", "type", "status", "area"])
    expect_problem(relevo.api.patch("/items/1", {"area": 5}), 422, ["area"])
    expect_problem(relevo.api.post("/items", b"{"), 400)
    assert system.pending() == 0


def test_filters_paging_and_q_see_pending_items(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(3):
        relevo.api.post("/items", item(code=f"D-{n}", area="Fuera"))
    relevo.api.patch("/items/2", {"area": "Fuera"})
    assert [shown["code"] for shown in items_of(relevo, "/items?area=Fuera")] \
        == ["C-1", "D-0", "D-1", "D-2"]
    assert [shown["code"] for shown in items_of(relevo, "/items?q=fuera")] \
        == ["C-1", "D-0", "D-1", "D-2"]
    page = relevo.api.get("/items?limit=4").json()
    assert [shown["code"] for shown in page["data"]] == ["C-0", "C-1", "C-2", "D-0"]
    rest = relevo.api.get(f"/items?limit=4&after={page['next']}").json()
    assert [shown["code"] for shown in rest["data"]] == ["D-1", "D-2"] and rest["next"] is None


def test_reads_come_from_the_cache_in_an_outage(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    for path in ("/items", "/items/1"):
        assert relevo.api.get(path).json()["source"] == "REDIS_CACHE"
        assert relevo.api.get(path, {"Cache-Control": "no-cache"}).json()["source"] == "REDIS_CACHE"


def test_a_temporary_item_lives_through_everything(system, relevo):
    system.mysql_down()
    key = item_key(relevo.api.post("/items", item()).data)
    assert relevo.api.put(key, item(code="two")).status == 202
    assert relevo.api.patch(key, {"area": "three"}).status == 202
    assert relevo.api.get(key).data["code"] == "two"
    system.mysql_up()
    rows = system.mysql.items()
    final, = rows
    assert rows[final][:5] == row_of(item(code="two", area="three"))
    shown = relevo.api.get(key).data
    assert shown["id"] == final and "pending" not in shown
    assert relevo.api.patch(key, {"area": "four"}).data["id"] == final
    assert relevo.api.put(key, {**item(code="five"), "id": key.split("/")[-1]}).status == 200
    assert relevo.api.put(key, {**item(code="six"), "id": final}).status == 200
    assert relevo.api.delete(key).json() == {"source": "MySQL", "status": "deleted", "id": final}
    assert system.mysql.items() == {}


def test_created_and_deleted_in_one_outage_leaves_nothing(system, relevo):
    system.mysql_down()
    key = item_key(relevo.api.post("/items", item()).data)
    relevo.api.patch(key, {"area": "x"})
    assert relevo.api.delete(key).status == 202
    expect_problem(relevo.api.get(key), 404)
    system.mysql_up()
    assert system.mysql.items() == {}
    expect_problem(relevo.api.get(key), 404)
    expect_problem(relevo.api.patch(key, {"area": "x"}), 404)
    assert items_of(relevo) == []


def test_ten_outages_in_a_row(system, relevo):
    for n in range(10):
        assert relevo.api.post("/items", item(code=f"on-{n}")).status == 201
        system.mysql_down()
        assert relevo.api.post("/items", item(code=f"off-{n}")).status == 202
        system.mysql_up()
    assert system.mysql.codes() == sorted([f"on-{n}" for n in range(10)]
                                          + [f"off-{n}" for n in range(10)])


def test_a_clean_shutdown_counts_as_an_outage(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down(kill=False)
    assert relevo.api.patch("/items/1", {"area": "x"}).status == 202
    system.mysql_up()
    assert system.mysql.items()[1][3] == "x"


def test_creates_go_to_mysql_as_soon_as_it_is_back(system, relevo):
    system.mysql_down()
    relevo.api.post("/items", item(code="off"))
    system.mysql_up(drained=False)
    wait_until(lambda: relevo.api.post("/items", item(code="on")).status == 201, 5, "201 again")


def test_no_write_overtakes_a_pending_one(system, relevo):
    """While updates of an item wait, a later one must not be overwritten by them."""
    for n in range(200):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(1, 201):
        relevo.api.patch(f"/items/{n}", {"area": "offline"})
    system.mysql.start()
    last = {}
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and len(last) < 200:
        for n in range(200, 0, -1):
            answer = relevo.api.patch(f"/items/{n}", {"area": f"later {n}"})
            assert answer.status in (200, 202)
            last[n] = f"later {n}"
    system.await_up()
    assert {n: row[3] for n, row in system.mysql.items().items()} == last


# --- time-outs ---

@pytest.mark.parametrize("write", ["create", "patch", "delete"])
def test_frozen_mysql_first_write_waits_one_timeout_later_ones_do_not(system, relevo, write):
    for n in range(4):
        relevo.api.post("/items", item(code=f"C-{n}"))

    def one(n):
        if write == "create":
            return relevo.api.post("/items", item(code=f"D-{n}"))
        if write == "patch":
            return relevo.api.patch(f"/items/{n}", {"area": "x"})
        return relevo.api.delete(f"/items/{n}")
    system.mysql.pause()
    answer, seconds = timed(lambda: one(1))
    assert answer.status == 202 and seconds < TIMEOUT + 0.5 * SLOW, (answer, seconds)
    for n in (2, 3, 4):
        answer, seconds = timed(lambda: one(n))
        assert answer.status == 202 and seconds < 0.4 * SLOW, (answer, seconds)
    system.mysql.resume()
    system.await_up()
    if write == "create":
        assert system.mysql.codes() == sorted([f"C-{n}" for n in range(4)]
                                              + [f"D-{n}" for n in range(1, 5)])
    elif write == "patch":
        assert [row[3] for row in system.mysql.items().values()] == ["x"] * 4
    else:
        assert system.mysql.items() == {}


def test_frozen_mysql_reads_do_not_wait(system, relevo):
    relevo.api.post("/items", item())
    system.mysql.pause()
    for path in ("/items", "/items/1", "/health", "/sync/status", "/metrics"):
        answer, seconds = timed(lambda: relevo.api.get(path))
        assert answer.status == 200 and seconds < 0.4 * SLOW, (path, seconds)


def test_killed_mysql_is_noticed_at_once(system, relevo):
    relevo.api.post("/items", item())
    system.mysql.kill()
    answer, seconds = timed(lambda: relevo.api.post("/items", item()))
    assert answer.status == 202 and seconds < 0.5 * SLOW


def test_no_duplicates_when_mysql_was_frozen_in_the_middle(system, relevo, rng):
    """Commits that were on their way when MySQL froze happen on SIGCONT; their operations were
    queued meanwhile, under the same id."""
    for round_ in range(4):
        answers = {}

        def write(worker):
            for n in range(12):
                code = f"{round_}-{worker}-{n}"
                answers[code] = relevo.api.post("/items", item(code=code)).status
            relevo.api.close()
        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(rng.random() * 0.05)
        system.mysql.pause()
        relevo.await_health(mysql=False)
        system.mysql.resume()
        for thread in threads:
            thread.join()
        assert set(answers.values()) <= {201, 202}
        system.await_up()
        assert system.mysql.codes().count(code := f"{round_}-0-0") == 1, code
        assert [c for c in system.mysql.codes() if c.startswith(f"{round_}-")] == sorted(answers)


# --- other ways of being down ---

def test_the_first_write_to_a_read_only_mysql_is_queued(system):
    relevo = system.start(RELEVO_PROBE_INTERVAL="5s")
    relevo.api.post("/items", item())
    system.mysql.admin("SET GLOBAL read_only=1")
    try:
        assert relevo.api.post("/items", item(code="B")).status == 202
    finally:
        system.mysql.admin("SET GLOBAL read_only=0")


def test_killed_sessions_are_no_5xx(system, relevo):
    """Somebody kills our sessions: new ones are made, what was uncertain is settled."""
    done = []
    stop = threading.Event()

    def write(worker):
        n = 0
        while not stop.is_set():
            answer = relevo.api.post("/items", item(code=f"{worker}-{n}"))
            done.append((f"{worker}-{n}", answer.status))
            n += 1
        relevo.api.close()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        system.mysql.kill_sessions()
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for _, status in done} <= {201, 202}
    system.await_up()
    assert system.mysql.codes() == sorted(code for code, _ in done)


def test_a_locked_row_is_queued_after_one_timeout_and_drained_when_free(system, relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    lock = system.mysql.connect(autocommit=False)
    lock.cursor().execute("SELECT * FROM items WHERE id=2 FOR UPDATE")
    others = []
    stop = threading.Event()

    def write_elsewhere():
        while not stop.is_set():
            others.append(relevo.api.post("/items", item(code="new")).status)
            others.append(relevo.api.patch("/items/1", {"area": "x"}).status)
            stop.wait(0.02)
        relevo.api.close()
    neighbour = threading.Thread(target=write_elsewhere)
    neighbour.start()
    try:
        answer, seconds = timed(lambda: relevo.api.patch("/items/2", {"area": "locked"}))
        assert answer.status == 202, answer
        assert seconds < 2 * TIMEOUT + 0.5 * SLOW
        assert relevo.api.get("/items/2").data["area"] == "locked"
        assert relevo.api.get("/items/2").data["pending"] is True
    finally:
        stop.set()
        neighbour.join()
        lock.rollback()
        lock.close()
    assert set(others) <= {200, 201}, others
    system.await_drained(timeout=3)
    assert system.mysql.items()[2][3] == "locked"


def test_a_locked_row_holds_up_no_other_in_the_drain(system, relevo):
    for n in range(6):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(1, 7):
        relevo.api.patch(f"/items/{n}", {"area": "x"})
    relevo.pause()
    system.mysql.start()
    lock = system.mysql.connect(autocommit=False)
    lock.cursor().execute("SELECT * FROM items WHERE id=3 FOR UPDATE")
    relevo.resume()
    wait_until(lambda: [row[3] for n, row in sorted(system.mysql.items().items()) if n != 3]
               == ["x"] * 5, 15, "all others are drained")
    assert pending_counts(relevo)[1] >= 1
    lock.rollback()
    lock.close()
    system.await_drained(timeout=5)
    assert system.mysql.items()[3][3] == "x"


def test_a_locked_table_is_an_outage_of_writes_only(system, relevo):
    relevo.api.post("/items", item())
    lock = system.mysql.connect()
    lock.cursor().execute("LOCK TABLES items WRITE")
    try:
        answer, seconds = timed(lambda: relevo.api.post("/items", item(code="B")))
        assert answer.status == 202, answer
        assert seconds < 3 * TIMEOUT + SLOW
        assert relevo.api.get("/items").status == 200
    finally:
        lock.close()
    system.await_up()
    assert system.mysql.codes() == ["B", "PC-01"]


# --- starting in an outage ---

def test_start_with_mysql_down(system):
    first = system.start()
    first.api.post("/items", item())
    first.stop()
    system.mysql.kill()
    relevo = system.start(wait="up")
    relevo.await_health(redis=True, mysql=False)
    assert [row_of(shown) for shown in items_of(relevo)] == [row_of(item())]
    assert relevo.api.post("/items", item(code="B")).status == 202
    assert relevo.api.patch("/items/1", {"area": "x"}).status == 202
    system.mysql_up()
    assert {row[0]: row[3] for row in system.mysql.items().values()} == {"PC-01": "x", "B": "Sala 1"}


def test_start_with_mysql_down_and_nothing_known(system):
    system.mysql.kill()
    relevo = system.start(wait="up")
    relevo.await_health(redis=True)
    assert relevo.api.post("/items", item()).status == 202
    assert [shown["code"] for shown in items_of(relevo)] == ["PC-01"]
    system.mysql_up()
    assert system.mysql.codes() == ["PC-01"]
    await_consistent(relevo)


def test_start_with_a_frozen_mysql_serves_soon(system):
    first = system.start()
    first.api.post("/items", item())
    first.stop()
    system.mysql.pause()
    relevo = system.daemon()
    relevo.start(wait="up")
    wait_until(lambda: relevo.api.get("/items").status == 200, 5, "reads are served")
    assert [shown["code"] for shown in items_of(relevo)] == ["PC-01"]


def test_rows_that_were_there_before_the_first_start_are_kept(system):
    """Unknown rows in MySQL, operations in Redis, both from before."""
    relevo = system.start()
    relevo.stop()
    system.mysql.sql("INSERT INTO items (code,type,status,area) VALUES ('there','b','c','d')")
    system.mysql.kill()
    relevo.start(wait="up")
    relevo.await_health(redis=True)
    assert relevo.api.post("/items", item()).status == 202
    system.mysql_up()
    assert system.mysql.codes() == ["PC-01", "there"]
    wait_until(lambda: len(items_of(relevo)) == 2, 10, "both are shown")


def test_a_drain_whose_instance_died_is_over_although_mysql_went_again(system):
    """Nobody has it to end; another instance sees that once the lease has run out."""
    first = system.start(proxied=True, RELEVO_MYSQL_TIMEOUT="30s")
    system.mysql_down()
    assert first.api.post("/items", item()).status == 202
    fault = first.mysql.arm(b"START TRANSACTION;SELECT", SERVER, 0, stall=True)
    system.mysql.start()
    first.mysql.await_hit(fault, timeout=30)
    first.kill()
    system.mysql.kill()
    other = system.start(wait="up")
    wait_until(lambda: pending_counts(other) == (1, 0, 0), 10, "it follows the log")
    wait_until(lambda: other.api.post("/sync/run").status == 202, 30, "a cycle can be run")
    status = sync_status(other)
    assert status["mode"] == "offline" and status["drain"]["running"] is False
    system.mysql_up()
    assert system.mysql.codes() == ["PC-01"]
