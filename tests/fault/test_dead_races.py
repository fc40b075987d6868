"""Dead letters that two ask to retry or to discard at the same time: one of them is first, and what
was answered 2xx is neither lost nor applied twice."""
import contextlib
import threading

import pytest

from harness import Client, item, wait_until
from harness.proxy import SERVER
from harness.redis_server import script

REFUSE = "ALTER TABLE items ADD CONSTRAINT no_bad CHECK (area <> 'bad')"
ACCEPT = "ALTER TABLE items DROP CONSTRAINT no_bad"
DRAIN_LOCK = b"SELECT GET_LOCK(CONCAT('relevo_drain:'"


def refused(system, daemons, codes):
    """A letter each: creates that MySQL refused while their area is `bad`. Their operations."""
    system.mysql_down()
    made = [daemons[0].api.post("/items", item(code=code, area="bad")).json()["operation"]
            for code in codes]
    for daemon in daemons:
        daemon.pause()
    system.mysql.start()
    system.mysql.sql(REFUSE)
    for daemon in daemons:
        daemon.resume()
    system.await_up()
    wait_until(lambda: len(letters(daemons[0])) == len(codes), 10, "dead letters")
    return made


def letters(daemon):
    return daemon.api.get("/sync/dead").json()["data"]


def rows(system):
    return sorted((row[0], row[3]) for row in system.mysql.items().values())


def retry(daemon, op, body=None):
    with contextlib.closing(Client(daemon.port, timeout=60)) as client:
        return client.post(f"/sync/dead/{op}/retry", body)


def discard(daemon, op):
    with contextlib.closing(Client(daemon.port, timeout=60)) as client:
        return client.delete(f"/sync/dead/{op}")


class Held:
    """A request that has read the letter, and whose call of a server is held up."""

    def __init__(self, proxy, pattern, ask):
        self.proxy, self.answer = proxy, None
        fault = proxy.arm(pattern, SERVER, 0, stall=True)
        self.thread = threading.Thread(target=lambda: setattr(self, "answer", ask()))
        self.thread.start()
        proxy.await_hit(fault)

    def go_on(self):
        self.proxy.up()
        self.thread.join()
        return self.answer.status


@pytest.fixture
def two(system):
    """The first one reaches the servers through proxies; its calls may take long."""
    return (system.start(proxied=True, RELEVO_REDIS_TIMEOUT="20s", RELEVO_MYSQL_TIMEOUT="20s"),
            system.start())


def at_once(*asks):
    gate, answers = threading.Barrier(len(asks)), [None] * len(asks)

    def one(n):
        gate.wait()
        answers[n] = asks[n]().status
    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_corrected_retries_at_once_one_is_accepted(system, two):
    operations = refused(system, two, [f"L-{n}" for n in range(10)])
    expected = []
    for n, op in enumerate(operations):
        bodies = [item(code=f"L-{n}", area=f"from {k}") for k in range(2)]
        answers = at_once(*(lambda k=k: retry(two[k], op, bodies[k]) for k in range(2)))
        assert answers.count(202) == 1 and set(answers) <= {202, 404, 409}, answers
        expected.append((f"L-{n}", f"from {answers.index(202)}"))
    system.await_up()
    assert rows(system) == expected and letters(two[0]) == []


def test_equal_retries_at_once_count_once(system, two):
    operations = refused(system, two, [f"L-{n}" for n in range(5)])
    system.mysql.sql(ACCEPT)
    for op in operations:
        answers = at_once(*(lambda k=k: retry(two[k], op) for k in range(2)))
        assert 202 in answers and set(answers) <= {202, 404, 409}, answers
    system.await_up()
    assert system.mysql.codes() == [f"L-{n}" for n in range(5)] and letters(two[0]) == []


@pytest.mark.parametrize("body", [None, item(code="other")], ids=["as it is", "corrected"])
def test_a_retry_that_comes_after_another_one_was_drained(system, two, body):
    a, b = two
    op, = refused(system, two, ["once"])
    system.mysql.sql(ACCEPT)
    late = Held(a.redis, script("accept"), lambda: retry(a, op, body))
    assert retry(b, op).status == 202
    wait_until(lambda: system.mysql.codes() == ["once"], 10, "it is applied")
    system.await_empty_lists()
    assert late.go_on() == 409
    system.await_up()
    assert system.mysql.codes() == ["once"] and letters(b) == []


def test_a_late_retry_of_which_redis_forgot_the_first_one_is_a_letter(system, two):
    """It was acknowledged, and may have asked for something else."""
    a, b = two
    op, = refused(system, two, ["once"])
    system.mysql.sql(ACCEPT)
    late = Held(a.redis, script("accept"), lambda: retry(a, op, item(code="other")))
    assert retry(b, op).status == 202
    wait_until(lambda: system.mysql.codes() == ["once"], 10, "it is applied")
    system.await_empty_lists()
    system.redis.db.delete(f"items:dead:taken:{op}")
    assert late.go_on() == 202
    system.await_up()
    letter, = wait_until(lambda: letters(b), 10, "the letter")
    assert (letter["operation"], letter["reason"], letter["data"]["code"]) == (op, "refused", "other")
    assert system.mysql.codes() == ["once"]
    assert retry(b, op).status == 202  # somebody means it
    system.await_up()
    wait_until(lambda: system.mysql.codes() == ["once", "other"], 10, "it is applied, too")


def test_a_retry_that_comes_after_a_discard(system, two):
    a, b = two
    op, = refused(system, two, ["gone"])
    system.mysql.sql(ACCEPT)
    late = Held(a.redis, script("accept"), lambda: retry(a, op))
    assert discard(b, op).status == 200
    assert late.go_on() == 409
    system.await_up()
    assert system.mysql.codes() == [] and letters(a) == []


def test_a_discard_that_comes_after_a_retry(system, two):
    a, b = two
    known, op = refused(system, two, ["known", "kept"])
    assert discard(a, known).status == 200  # Redis knows the script
    system.mysql.sql(ACCEPT)
    late = Held(a.redis, script("discard"), lambda: discard(a, op))
    assert retry(b, op).status == 202
    wait_until(lambda: system.mysql.codes() == ["kept"], 10, "it is applied")
    assert late.go_on() == 409
    system.await_up()
    assert system.mysql.codes() == ["kept"] and letters(a) == []
    assert not system.redis.db.exists("items:dead:discarded")


def test_a_late_retry_without_redis(system, two):
    """Both go to MySQL."""
    a, b = two
    op, = refused(system, two, ["once"])
    system.mysql.sql(ACCEPT)
    a.redis.down()
    system.redis.kill()
    for daemon in two:
        daemon.await_health(redis=False)
    late = Held(a.mysql, DRAIN_LOCK, lambda: retry(a, op, item(code="other")))
    assert retry(b, op).status == 202
    assert system.mysql.codes() == ["once"]
    assert late.go_on() == 409
    a.redis.up()
    system.redis_up()
    assert system.mysql.codes() == ["once"] and letters(a) == []


def test_a_drained_retry_that_was_not_settled_is_no_other_one(system, two):
    """MySQL has it, the connection to Redis breaks before the lists are trimmed."""
    a, b = two
    op, = refused(system, two, ["once"])
    b.stop()
    system.mysql.sql(ACCEPT)
    fault = a.redis.arm(script("settle"), SERVER, 0)
    assert retry(a, op).status == 202
    a.redis.await_hit(fault)
    system.await_up()
    assert a.log_lines("INFO", "were applied before")
    assert system.mysql.codes() == ["once"] and letters(a) == []


def test_retried_again_and_again_at_once(system, two):
    """Each is an attempt of its own, also of a letter that an earlier version has retried: it
    counted attempts by the second."""
    op, = refused(system, two, ["once"])
    for _ in range(3):
        before = letters(two[0])
        assert retry(two[0], op).status == 202
        wait_until(lambda: letters(two[0]) not in ([], before), 10, "refused again")
    system.mysql.sql("UPDATE relevo_applied SET attempt=FLOOR(UNIX_TIMESTAMP(accepted_at)) "
                     "WHERE attempt > 0")
    system.mysql.sql(ACCEPT)
    assert retry(two[0], op).status == 202
    wait_until(lambda: system.mysql.codes() == ["once"], 10, "it is applied")
    wait_until(lambda: letters(two[0]) == [], 5, "the letter is gone")
