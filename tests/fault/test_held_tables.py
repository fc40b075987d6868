"""Somebody holds a lock on the whole table, or on more than a row: writes wait one time-out, then they
are queued; the drain and a stop wait as little."""
import contextlib
import re
import threading
import time

import pytest

from harness import SLOW, Client, item, sync_status, wait_until
from harness.metrics import value

TIMEOUT = 1.0   # RELEVO_MYSQL_TIMEOUT
BOUND = 4 * TIMEOUT + SLOW  # of any write; one after the other they take one time-out each

LOCKS = ["LOCK TABLES items WRITE", "FLUSH TABLES WITH READ LOCK"]


class Group:
    """Clients that write once, all at the same time."""

    def __init__(self, relevo, count, write):
        self.write = write
        self.answers = {}  # n -> (status, seconds)
        self.port = relevo.port
        self.gate = threading.Barrier(count)
        self.threads = [threading.Thread(target=self._one, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def _one(self, n):
        client = Client(self.port, timeout=80)
        with contextlib.closing(client):
            client.get("/health")
            self.gate.wait(timeout=60)
            began = time.monotonic()
            status = self.write(client, n).status
            self.answers[n] = (status, time.monotonic() - began)

    def join(self):
        for thread in self.threads:
            thread.join()
        assert len(self.answers) == len(self.threads)
        return self

    def statuses(self):
        return {n: status for n, (status, _) in self.answers.items()}

    def slowest(self):
        return max(seconds for _, seconds in self.answers.values())


@contextlib.contextmanager
def held(system, *statements):
    """By a transaction of another program."""
    with contextlib.closing(system.mysql.connect(user="boss", autocommit=False)) as session:
        for statement in statements:
            session.cursor().execute(statement)
        yield session


@pytest.fixture(params=["as it is", "as MySQL"])
def flavour(request, system):
    """MySQL waits for a lock a second at least, MariaDB need not; it may pass for a MySQL."""
    if request.param == "as MySQL":
        if "MariaDB" not in system.mysql.sql("SELECT VERSION()")[0][0]:
            pytest.skip("it is one")
        system.mysql.stop()
        system.mysql.start("--version=8.4.0")
    yield request.param
    if request.param == "as MySQL":
        system.mysql.stop()


def create(client, n):
    return client.post("/items", item(code=f"B-{n:02}"))


@pytest.mark.parametrize("clients", [1, 8, 64])
@pytest.mark.parametrize("how", LOCKS)
def test_every_write_to_a_locked_table_is_queued_after_one_timeout(system, flavour, how, clients):
    relevo = system.start()
    relevo.api.post("/items", item(code="A"))
    with held(system, how):
        group = Group(relevo, clients, create).join()
    assert set(group.statuses().values()) == {202}, group.answers
    assert group.slowest() < BOUND
    system.await_up()
    assert system.mysql.codes() == ["A", *(f"B-{n:02}" for n in range(clients))]


def test_writes_that_keep_coming_to_a_locked_table_wait_no_longer(system, flavour):
    """Those that come while others wait for the lock."""
    relevo = system.start()
    relevo.api.post("/items", item(code="A"))
    with held(system, LOCKS[0]):
        groups = []
        for n in range(6):
            groups.append(Group(relevo, 8, lambda api, k, n=n: create(api, 10 * n + k)))
            time.sleep(0.3)
        for group in groups:
            group.join()
            assert set(group.statuses().values()) == {202}, group.answers
            assert group.slowest() < BOUND
    system.await_up()
    assert len(system.mysql.codes()) == 49
    assert relevo.api.post("/items", item()).status == 201


def drain_lines(relevo):
    """[(operations, seconds)]"""
    return [(int(found[1]), int(found[2]) / 1000) for line in relevo.log_lines("drained")
            if (found := re.search(r"drained (\d+) operations in (\d+) ms", line))]


def test_a_drain_meets_a_locked_table_and_leaves_it(system, flavour):
    relevo = system.start()
    relevo.api.post("/items", item(code="A"))
    system.mysql_down()
    for n in range(64):
        create(relevo.api, n)
    relevo.pause()
    system.mysql.start(*(["--version=8.4.0"] if flavour == "as MySQL" else []))
    with held(system, LOCKS[0]):
        relevo.resume()
        wait_until(lambda: drain_lines(relevo), 30, "a drain gives up")
        (settled, seconds), *_ = drain_lines(relevo)
        assert settled == 0 and seconds < 12 * TIMEOUT * SLOW
    system.await_drained()
    assert len(system.mysql.codes()) == 65


def test_what_one_write_waits_for_holds_up_no_other(system, flavour):
    """Somebody has a row of the same unique value, and has not said yet whether it stays."""
    relevo = system.start()
    relevo.api.post("/items", item(code="A"))
    system.mysql.sql("CREATE UNIQUE INDEX one ON items (code)")
    with held(system, "INSERT INTO items (code, type, status, area) VALUES ('B-05', 'x', 'x', 'x')"):
        group = Group(relevo, 16, create).join()
        assert group.answers[5][0] == 202
        assert set(group.statuses().values()) <= {201, 202}
        if flavour == "as it is" and "MariaDB" in system.mysql.sql("SELECT VERSION()")[0][0]:
            assert [n for n, status in group.statuses().items() if status == 202] == [5]
        assert group.slowest() < BOUND
        wait_until(lambda: sync_status(relevo)["pending_creates"] == 1, 40, "the others are there")
    system.await_drained()
    assert system.mysql.codes() == ["A", *(f"B-{n:02}" for n in range(16))]


def test_a_held_gap_is_an_outage_of_creates(system, relevo):
    """As a locking read of another program leaves it behind."""
    relevo.api.post("/items", item(code="A"))
    with held(system, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
              "SELECT * FROM items WHERE id > 1 FOR UPDATE"):
        group = Group(relevo, 8, create).join()
        assert set(group.statuses().values()) == {202} and group.slowest() < BOUND, group.answers
        assert relevo.api.patch("/items/1", {"area": "x"}).status == 200
    system.await_drained()
    assert len(system.mysql.codes()) == 9


def test_a_stop_while_a_table_is_locked(system, flavour):
    """What is in flight is answered, and the daemon ends as soon as always."""
    relevo = system.start()
    relevo.api.post("/items", item(code="A"))
    with held(system, LOCKS[0]):
        group = Group(relevo, 16, create)
        wait_until(lambda: value(relevo, "in_flight") == 17, 10, "they wait")
        began = time.monotonic()
        assert relevo.terminate(timeout=40) == 0
        assert time.monotonic() - began < 8 * SLOW
        assert set(group.join().statuses().values()) == {202}, group.answers
    relevo.start()
    system.await_up()
    assert len(system.mysql.codes()) == 17
