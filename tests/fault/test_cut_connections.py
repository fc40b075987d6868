"""Connections that break off, fall silent or are refused at every byte that matters: each outcome
that a daemon cannot know happens here, and nothing is lost or doubled."""
import threading
import time
from types import SimpleNamespace

import pytest

from harness import (SLOW, Crowd, await_cache_exact, await_consistent, expect_problem, item,
                     item_key, items_of, row_of, sync_status, wait_until)
from harness.proxy import CLIENT, SERVER
from harness.redis_server import script

TIMEOUT = 1.0  # RELEVO_MYSQL_TIMEOUT
REDIS_TIMEOUT = 0.5
COMMIT = b";COMMIT"  # not the session's READ COMMITTED; it ends what is sent with it
LOOK_UP = b"FROM relevo_applied WHERE op IN ("

# Where an exchange breaks off: direction, and after which byte, by its sizes.
POINTS = {
    "first-bytes-sent": (SERVER, lambda sizes: 8 - sizes.before),
    "half-of-the-text-sent": (SERVER, lambda sizes: (sizes.request - sizes.before) // 2),
    "all-but-a-byte-sent": (SERVER, lambda sizes: sizes.request - 1),
    "all-sent": (SERVER, lambda sizes: sizes.request),
    "nothing-answered": (CLIENT, lambda sizes: 0),
    "two-bytes-answered": (CLIENT, lambda sizes: 2),
    "half-answered": (CLIENT, lambda sizes: sizes.answer // 2),
    "all-but-a-byte-answered": (CLIENT, lambda sizes: sizes.answer - 1),
}
INCOMPLETE = ("first-bytes-sent", "half-of-the-text-sent", "all-but-a-byte-sent")
KINDS = ("create", "keyed", "put", "patch", "delete")

every_point = pytest.mark.parametrize("point", POINTS)


class Setup:
    """Daemons behind proxies of their own, and what was answered to their clients."""

    def __init__(self, system):
        self.system = system
        self.wanted = {}  # code -> (*row, version)
        self.ids = {}     # code -> path, of items that exist
        self.temporary = {}  # code -> path as answered at first
        self.statuses = []
        self.count = 0

    def start(self, **env):
        return self.system.start(proxied=True, **env)

    def put_items(self, daemon, count):
        """Items that are changed or deleted later."""
        for _ in range(count):
            self.count += 1
            body = item(code=f"old-{self.count}")
            made = daemon.api.post("/items", body)
            assert made.status == 201
            self.ids[body["code"]] = item_key(made.data)
            self.wanted[body["code"]] = (*row_of(body), 1)

    def write(self, daemon, kind):
        """One write of this kind, to an item of its own. Keyed ones are repeated: same outcome."""
        self.count += 1
        code, headers = f"new-{self.count}", {}
        body = item(code=code)
        if kind in ("create", "keyed"):
            if kind == "keyed":
                headers["Idempotency-Key"] = code
            answer = daemon.api.post("/items", body, headers)
            assert answer.status in (201, 202), answer
            self.wanted[code] = (*row_of(body), 1)
            self.temporary[code] = item_key(answer.data)
            if kind == "keyed":
                again = daemon.api.post("/items", body, headers)
                assert again.status in (201, 202), again
                assert again.status == 201 or again.data["id"] == answer.data["id"]
        else:
            if not self.ids:
                self.put_items(daemon, 1)
            old = next(iter(self.ids))
            path = self.ids.pop(old)
            before = self.wanted.pop(old)
            if kind == "delete":
                answer = daemon.api.delete(path)
            elif kind == "put":
                answer = daemon.api.put(path, body)
                self.wanted[code] = (*row_of(body), before[5] + 1)
            else:
                answer = daemon.api.patch(path, {"code": code, "area": "patched"})
                self.wanted[code] = (code, *before[1:3], "patched", before[4], before[5] + 1)
            assert answer.status in (200, 202), answer
        self.statuses.append(answer.status)
        return answer

    def check(self, rebuilds=None):
        """Everything answered is in MySQL exactly once, and every mirror and the cache are MySQL."""
        daemons = self.system.daemons
        self.system.await_up()
        rows = self.system.mysql.items()
        assert sorted(rows.values()) == sorted(self.wanted.values())
        for daemon in daemons:
            wait_until(lambda: {shown["id"]: (*row_of(shown), shown["version"])
                                for shown in items_of(daemon)} == rows, 10, "the mirror is MySQL")
            await_consistent(daemon, timeout=15)
            assert daemon.api.get("/sync/dead").json()["data"] == []
        for code, path in self.temporary.items():
            assert daemons[0].api.get(path).data["code"] == code
        await_cache_exact(self.system, daemons[0])
        if rebuilds is not None:
            assert not daemons[0].log_lines("[REBUILD]")


@pytest.fixture
def setup(system):
    return Setup(system)


@pytest.fixture
def daemon(setup):
    """One daemon behind a proxy to each server, and a few items."""
    daemon = setup.start()
    setup.put_items(daemon, 12)
    return daemon


def timed(call):
    started = time.monotonic()
    answer = call()
    return answer, time.monotonic() - started


def sizes_of(proxy, pattern, call):
    with proxy.measured(pattern) as sizes:
        call()
    return sizes


def refused_calls(db):
    """Calls of scripts that ended with an error."""
    stats = db.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("failed_calls", 0) for name in ("eval", "evalsha"))


def arm(proxy, pattern, sizes, point, **how):
    direction, after = POINTS[point]
    return proxy.arm(pattern, direction, after(sizes), **how)


# --- MySQL, in the transaction of a direct write ---

@every_point
def test_cut_in_commit(setup, daemon, point):
    """The daemon can ask MySQL at once what became of it."""
    for kind in KINDS:
        sizes = sizes_of(daemon.mysql, COMMIT, lambda: setup.write(daemon, kind))
        fault = arm(daemon.mysql, COMMIT, sizes, point)
        _, seconds = timed(lambda: setup.write(daemon, kind))
        assert fault.hits == 1, kind
        assert seconds < TIMEOUT * SLOW, kind
    setup.check(rebuilds=0)


@every_point
def test_cut_in_commit_and_then_no_mysql(setup, daemon, point):
    """The daemon cannot ask: the write is queued, and the drain finds out."""
    for kind in KINDS:
        sizes = sizes_of(daemon.mysql, COMMIT, lambda: setup.write(daemon, kind))
        fault = arm(daemon.mysql, COMMIT, sizes, point, down=True)
        answer = setup.write(daemon, kind)
        assert fault.hits == 1, kind
        assert answer.status == 202, (kind, answer)
        operation = answer.json()["operation"]
        assert daemon.api.get(f"/operations/{operation}").json()["state"] == "pending"
        daemon.await_health(mysql=False)
        daemon.mysql.up()
        setup.system.await_up()
        told = daemon.api.get(f"/operations/{operation}").json()
        assert told["state"] == "applied", (kind, told)
    setup.check(rebuilds=0)


@every_point
def test_cut_in_every_commit(setup, daemon, point):
    """Each try breaks off at the same byte, until the daemon gives up and queues the write."""
    for kind in KINDS:
        sizes = sizes_of(daemon.mysql, COMMIT, lambda: setup.write(daemon, kind))
        fault = arm(daemon.mysql, COMMIT, sizes, point, times=100)
        setup.write(daemon, kind)
        assert fault.hits >= (2 if point in INCOMPLETE else 1), kind
        daemon.mysql.disarm()
        setup.system.await_up()
    setup.check(rebuilds=0)


@pytest.mark.parametrize("kind", ["create", "patch"])
def test_cut_at_every_byte_of_the_answer(setup, daemon, kind):
    """Also between the results and within the columns and rows of one."""
    setup.put_items(daemon, 400 if kind == "patch" else 0)
    sizes = sizes_of(daemon.mysql, COMMIT, lambda: setup.write(daemon, kind))
    assert 50 < sizes.answer < 350
    for after in range(sizes.answer):
        fault = daemon.mysql.arm(COMMIT, CLIENT, after)
        setup.write(daemon, kind)
        assert fault.hits == 1, after
    setup.check(rebuilds=0)


def test_cut_everywhere_in_the_locked_row(setup, daemon):
    """A row whose coming breaks off is not a row that is not there."""
    setup.put_items(daemon, 250)
    lock = b" FOR UPDATE SKIP LOCKED"
    sizes = sizes_of(daemon.mysql, lock, lambda: setup.write(daemon, "patch"))
    assert 200 < sizes.answer < 700
    for after in range(0, sizes.answer, 3):
        fault = daemon.mysql.arm(lock, CLIENT, after)
        setup.write(daemon, "patch")
        assert fault.hits == 1, after
    setup.check(rebuilds=0)


@every_point
def test_cut_in_the_commit_of_a_crowd(setup, daemon, point):
    """Many creates in one transaction."""
    def crowd(name, count):
        answers = {}

        def one(n):
            code = f"{name}-{n}"
            answers[code] = daemon.api.post("/items", item(code=code))
            daemon.api.close()
        # The first one holds the lane up until the others have come.
        daemon.mysql.stall(CLIENT)
        threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        wait_until(lambda: open_requests(daemon) >= count, 5, "all have come", pause=0.002)
        return answers, threads

    def finish_crowd(answers, threads):
        for thread in threads:
            thread.join()
        for code, answer in answers.items():
            assert answer.status in (201, 202), answer
            setup.wanted[code] = (*row_of(item(code=code)), 1)
            setup.temporary[code] = item_key(answer.data)

    with daemon.mysql.measured(COMMIT) as sizes:
        crowded = crowd("first", 10)
        daemon.mysql.up()
        finish_crowd(*crowded)
    fault = arm(daemon.mysql, COMMIT, sizes, point, only=b"),('second-")
    crowded = crowd("second", 10)
    daemon.mysql.up()
    finish_crowd(*crowded)
    assert fault.hits == 1
    setup.check(rebuilds=0)


def open_requests(daemon):
    """Connections that clients have to the daemon."""
    with open(f"/proc/{daemon.pid}/net/tcp", encoding="ascii") as table:
        port = f"{daemon.port:04X}"
        rows = [line.split() for line in table]
    return sum(row[1].endswith(":" + port) and row[3] == "01" for row in rows)


# --- MySQL, in the drain ---

def outage(setup, daemon, kinds, then=None, drained=True):
    """Writes of these kinds are queued, a fault is armed, and they are drained."""
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    answers = [setup.write(daemon, kind) for kind in kinds]
    assert {answer.status for answer in answers} == {202}
    fault = then() if then else None
    daemon.mysql.up()
    if not drained:
        return fault
    setup.system.await_up()
    for answer in answers:
        operation = answer.json()["operation"]
        assert daemon.api.get(f"/operations/{operation}").json()["state"] == "applied"
    return fault


@pytest.mark.parametrize("kinds", [("create", "keyed"), ("put", "patch"), ("delete",)],
                         ids=lambda kinds: kinds[0])
@every_point
def test_cut_in_the_commit_of_the_drain(setup, daemon, point, kinds):
    sizes = sizes_of(daemon.mysql, COMMIT, lambda: outage(setup, daemon, kinds))
    fault = outage(setup, daemon, kinds, lambda: arm(daemon.mysql, COMMIT, sizes, point))
    assert fault.hits == 1
    setup.check(rebuilds=0)


@pytest.mark.parametrize("missing", [1, 12, 30, 60, 90])
def test_cut_in_the_rows_that_the_drain_reads(setup, daemon, missing):
    """A drain commits and does not hear of it; the next one looks how the items are now. One that
    it could not read is not deleted."""
    rows = b" WHERE id IN (0"

    def drain_again(before_the_second=None):
        commit = outage(setup, daemon, ["patch"], then=lambda: daemon.mysql.arm(
            COMMIT, CLIENT, 0, down=True), drained=False)
        daemon.mysql.await_hit(commit)
        daemon.await_health(mysql=False)
        fault = before_the_second() if before_the_second else None
        daemon.mysql.up()
        setup.system.await_up()
        return fault
    sizes = sizes_of(daemon.mysql, rows, drain_again)
    fault = drain_again(lambda: daemon.mysql.arm(rows, CLIENT, sizes.answer - missing))
    assert fault.hits == 1
    setup.check(rebuilds=0)


def test_mysql_goes_before_it_tells_of_a_repeat(setup):
    """Redis has lost the record of a keyed create. MySQL refuses its operation id, and goes before it
    can tell what became of it: that is not the fault of the request."""
    daemon = setup.start()
    headers = {"Idempotency-Key": "once"}
    first = daemon.api.post("/items", item(), headers)
    assert first.status == 201
    db = setup.system.redis.db
    for key in db.keys("items:done:*"):
        db.delete(key)
    fault = daemon.mysql.arm(LOOK_UP, SERVER, 0, down=True)
    assert daemon.api.post("/items", item(), headers).status == 202
    assert fault.hits == 1
    daemon.mysql.up()
    setup.system.await_up()
    assert setup.system.mysql.codes() == ["PC-01"]
    assert daemon.api.get("/sync/dead").json()["count"] == 0


# --- Redis ---

@pytest.mark.parametrize("gone", [False, True], ids=["cut", "gone"])
@every_point
def test_cut_in_the_append_to_the_log(setup, daemon, point, gone):
    """MySQL has the write: it is answered, whatever Redis says."""
    append = script("append")
    setup.put_items(daemon, 100)

    def write(kind, fault):
        """Until it strikes: a session that was reset may be noticed late, by any thread, and then
        a write is not logged."""
        answer = setup.write(daemon, kind)
        assert answer.status in (200, 201), (kind, answer)
        return fault.hits
    for kind in KINDS:
        sizes = sizes_of(daemon.redis, append, lambda: setup.write(daemon, kind))
        fault = arm(daemon.redis, append, sizes, point, down=gone)
        wait_until(lambda: write(kind, fault), 5, f"cut of {kind}")
        if gone:
            daemon.await_health(redis=False)
            daemon.redis.up()
            # The log goes on, once every thread has its new session.
            probe = daemon.redis.arm(append, SERVER, 1 << 30)
            wait_until(lambda: setup.write(daemon, "create") and probe.text, 5, "the log goes on")
            daemon.redis.disarm()
        setup.system.await_up()
    setup.check()


@every_point
def test_cut_in_the_script_that_queues(setup, daemon, point):
    """MySQL is down and Redis loses one connection: a second try queues the write, once."""
    accept = script("accept")
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    for kind in KINDS:
        sizes = sizes_of(daemon.redis, accept, lambda: setup.write(daemon, kind))
        fault = arm(daemon.redis, accept, sizes, point)
        answer = setup.write(daemon, kind)
        assert fault.hits == 1, kind
        assert answer.status == 202, (kind, answer)
    daemon.mysql.up()
    setup.check()


@pytest.mark.parametrize("cuts", [2, 3, 5])
@pytest.mark.parametrize("point", ["half-of-the-text-sent", "nothing-answered", "half-answered"])
def test_cuts_in_a_row_in_the_script_that_queues(setup, daemon, point, cuts):
    """Whether or not Redis has queued it each time, it is queued once and nobody gets a 503."""
    accept = script("accept")
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    for kind in ("create", "keyed", "patch"):
        sizes = sizes_of(daemon.redis, accept, lambda: setup.write(daemon, kind))
        fault = arm(daemon.redis, accept, sizes, point, times=cuts)
        answer = setup.write(daemon, kind)
        assert 2 <= fault.hits <= cuts, kind  # the log may tell sooner that it is queued
        assert answer.status == 202, (kind, answer)
    assert not daemon.log_lines("Redis is down")
    daemon.mysql.up()
    setup.check()


def test_a_call_that_arrives_late_queues_nothing(setup, daemon):
    """The write it was for is done in another way by then, and others may have followed."""
    accept, db = script("accept"), setup.system.redis.db
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    sizes = sizes_of(daemon.redis, accept, lambda: setup.write(daemon, "create"))
    fault = arm(daemon.redis, accept, sizes, "half-of-the-text-sent", stall=True)
    asked = time.monotonic()
    assert setup.write(daemon, "create").status == 202
    assert fault.hits == 1
    wait_until(lambda: time.monotonic() - asked > 4 * REDIS_TIMEOUT, 30, "nobody waits any more")
    late, waiting = refused_calls(db), setup.system.pending()
    daemon.redis.up()
    wait_until(lambda: refused_calls(db) > late, 10, "it arrives and is refused")
    assert setup.system.pending() == waiting
    daemon.mysql.up()
    setup.check()


def lose_redis_with_the_next_write(setup, daemon, point):
    """MySQL is down, and Redis goes with the call that queues."""
    accept = script("accept")
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    sizes = sizes_of(daemon.redis, accept, lambda: setup.write(daemon, "create"))
    return arm(daemon.redis, accept, sizes, point, down=True)


def test_an_outcome_that_stays_unknown_is_called_so(setup, daemon):
    """Both servers are gone, and one may have the write: 503, and no word of a refusal. The next one
    is refused."""
    fault = lose_redis_with_the_next_write(setup, daemon, "half-of-the-text-sent")
    kinds = []
    for code in ("perhaps", "refused"):
        answer = daemon.api.post("/items", item(code=code))
        kinds.append(expect_problem(answer, 503)["type"].split(":")[-1])
        assert int(answer.headers["Retry-After"]) > 0
    assert fault.hits == 1
    assert kinds == ["uncertain", "both-down"]
    daemon.redis.up()
    daemon.mysql.up()
    setup.check()  # Redis had half of it


@pytest.mark.parametrize("kind", ["delete", "patch", "create"])
def test_a_write_is_not_judged_by_its_own_effect(setup, kind):
    """Redis comes back while it is asked again: it is queued, not gone (404) nor changed (412)."""
    daemon = setup.start(RELEVO_MYSQL_TIMEOUT="10s")
    setup.put_items(daemon, 2)
    fault = lose_redis_with_the_next_write(setup, daemon, "nothing-answered")
    answers = []
    path, code = next(iter(setup.ids.values())), next(iter(setup.ids))
    if kind == "create":
        call = threading.Thread(target=lambda: answers.append(setup.write(daemon, kind)))
    else:
        tag = {"If-Match": daemon.api.get(path).headers["ETag"]}
        body = {"area": "patched"} if kind == "patch" else None
        call = threading.Thread(target=lambda: answers.append(
            daemon.api.request(kind.upper(), path, body, tag)))
        row = setup.wanted.pop(code)
        if kind == "patch":
            setup.wanted[code] = (*row[:3], "patched", row[4], 2)
    call.start()
    daemon.redis.await_hit(fault)
    daemon.redis.up()
    call.join()
    assert [answer.status for answer in answers] == [202], answers
    daemon.mysql.up()
    setup.check()


@pytest.mark.parametrize("point", ["first-bytes-sent", "nothing-answered", "two-bytes-answered"])
def test_cut_in_the_publication(setup, daemon, point):
    """The snapshot and its hash change together or not at all; the next one is whole. (Texts differ
    in length: the other points lie elsewhere each time.)"""
    publish = script("publish")
    for kind in KINDS:
        sizes = sizes_of(daemon.redis, publish, lambda: setup.write(daemon, kind))
        fault = arm(daemon.redis, publish, sizes, point)
        assert setup.write(daemon, kind).status in (200, 201), kind
        daemon.redis.await_hit(fault)
        await_cache_exact(setup.system, daemon)
    setup.check()


@pytest.mark.parametrize("name", ["settle", "lease"])
@every_point
def test_cut_in_a_script_of_the_drain(setup, daemon, point, name):
    call = script(name)
    outage(setup, daemon, KINDS)  # Redis knows the script from here on
    sizes = sizes_of(daemon.redis, call, lambda: outage(setup, daemon, KINDS))
    fault = outage(setup, daemon, KINDS, lambda: arm(daemon.redis, call, sizes, point))
    assert fault.hits == 1
    setup.check()


def test_a_session_of_the_sync_thread_breaks_off_while_mysql_is_down(setup):
    """Redis is well, so nothing is refused."""
    daemon = setup.start(RELEVO_PROBE_INTERVAL="5s")  # no probe comes to help
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    fault = daemon.redis.arm(script("lease"), SERVER, 0)
    daemon.redis.await_hit(fault)
    for _ in range(50):
        assert setup.write(daemon, "create").status == 202
    daemon.mysql.up()
    setup.check()


# --- one session says little of a server ---

def write_while(setup, daemon, kill, rounds=60):
    """Every session of the daemon is killed again and again, in between it writes."""
    for round_ in range(rounds):
        kill()
        for kind in ("create", "patch")[:1 + round_ % 2]:
            setup.write(daemon, kind)


def test_killed_sessions_do_not_close_redis(setup):
    """Whose they are: lanes', readers', follower's, publisher's, the sync thread's."""
    daemon = setup.start()
    setup.put_items(daemon, 40)
    daemon.mysql.down()
    daemon.await_health(mysql=False)
    write_while(setup, daemon,
                lambda: setup.system.redis.db.execute_command("CLIENT", "KILL", "SKIPME", "yes"))
    assert not daemon.log_lines("Redis is down")
    assert set(setup.statuses) == {202}
    daemon.mysql.up()
    setup.check()


def test_killed_sessions_do_not_close_mysql(setup):
    daemon = setup.start()
    setup.put_items(daemon, 40)
    write_while(setup, daemon, setup.system.mysql.kill_sessions)
    assert not daemon.log_lines("MySQL is down")
    setup.check()


# --- two instances at one item ---

def test_a_direct_write_that_a_queued_one_overtook_is_no_conflict(setup):
    """One instance queues a patch while the COMMIT of another one's is under way. That one goes on
    until MySQL has forgotten the transaction, and the drain is done by one that comes anew."""
    env = {"RELEVO_PROBE_INTERVAL": "1m", "RELEVO_MYSQL_TIMEOUT": "10s"}
    near, far = setup.start(**env), setup.start(**env)
    setup.put_items(near, 2)
    far.mysql.down()
    assert setup.write(far, "patch").status == 202  # far has noticed
    near.mysql.arm(COMMIT, CLIENT, 0, stall=True)
    path = next(iter(setup.ids.values()))
    direct = threading.Thread(target=lambda: setup.write(near, "patch"))
    direct.start()
    wait_until(lambda: len(setup.system.mysql.sql("SELECT 1 FROM items WHERE version=2")) == 1, 5,
               "the direct write is in MySQL")
    queued = far.api.patch(path, {"type": "queued"})
    assert queued.status == 202 and queued.data["version"] == 1
    near.mysql.up()
    direct.join()
    assert setup.statuses[-1] == 200
    code = f"new-{setup.count}"
    before = setup.wanted[code]
    setup.wanted[code] = (before[0], "queued", *before[2:5], 3)
    for _ in range(40):
        assert setup.write(near, "create").status == 201
    assert setup.system.mysql.sql("SELECT COUNT(*) FROM relevo_applied WHERE kind=3")[0][0] < 40
    for daemon in (near, far):
        daemon.kill()
        setup.system.daemons.remove(daemon)
    setup.start()
    setup.check()


def test_a_create_without_its_answer_is_shown_once(setup):
    """MySQL has it, its instance does not know that and queues it at last. Another one that checks
    meanwhile must not show the row besides."""
    near = setup.start(RELEVO_MYSQL_TIMEOUT="3s", RELEVO_PROBE_INTERVAL="5s")
    far = setup.start(RELEVO_MYSQL_TIMEOUT="3s", RELEVO_PROBE_INTERVAL="1m")
    setup.put_items(near, 2)

    def check():
        """A whole cycle of the other instance."""
        last = sync_status(far)["last_sync"]
        wait_until(lambda: far.api.post("/sync/run").status == 202, 5, "a cycle")
        wait_until(lambda: sync_status(far)["last_sync"] != last, 5, "its end")

    def shown(daemon):
        return [row["id"] for row in items_of(daemon) if row["code"] == "new-3"]
    near.mysql.arm(COMMIT, CLIENT, 0, stall=True)
    create = threading.Thread(target=lambda: setup.write(near, "create"))
    create.start()
    wait_until(lambda: "new-3" in setup.system.mysql.codes(), 5, "the row is in MySQL")
    while create.is_alive():
        check()
        assert len(shown(far)) < 2
    assert setup.statuses[-1] == 202
    assert [len(shown(daemon)) for daemon in (near, far)] == [1, 1]
    check()
    assert [len(shown(daemon)) for daemon in (near, far)] == [1, 1]
    near.mysql.up()
    setup.check(rebuilds=0)


# --- black holes ---

@pytest.mark.parametrize("point", ["half-of-the-text-sent", "all-sent", "nothing-answered",
                                   "half-answered", "all-but-a-byte-answered"])
def test_commit_falls_silent(setup, daemon, point):
    """The session hangs, neither closed nor answered, and what was held back arrives long after
    the daemon has queued and drained the write."""
    sizes = sizes_of(daemon.mysql, COMMIT, lambda: setup.write(daemon, "create"))
    for kind in ("create", "patch"):
        fault = arm(daemon.mysql, COMMIT, sizes, point, stall=True)
        answer, seconds = timed(lambda: setup.write(daemon, kind))
        assert fault.hits == 1, kind
        assert answer.status == 202, (kind, answer)
        assert seconds < TIMEOUT + SLOW, (kind, seconds)
        if kind == "create":  # what a patch has locked stays so until the session ends
            setup.system.await_drained()
        daemon.mysql.up()
        setup.system.await_up()
    setup.check()


@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_a_black_hole(setup, daemon, server):
    proxy = getattr(daemon, server)
    proxy.stall()
    setup.write(daemon, "patch")
    daemon.await_health(**{server: False})
    for kind in ("create", "put", "patch", "delete"):
        _, seconds = timed(lambda: setup.write(daemon, kind))
        assert seconds < 0.5 * SLOW, kind
    proxy.up()
    setup.check()


@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_one_of_two_instances_is_cut_off(setup, daemon, server, rng):
    other = setup.start()
    crowd = Crowd(6, [daemon.port], rng)
    near = Crowd(6, [other.port], rng, prefix="V")
    getattr(daemon, server).down()
    daemon.await_health(**{server: False})
    assert other.health()["status"] == "healthy"
    seen, seen_near = crowd.count, near.count
    wait_until(lambda: crowd.count > seen + 60 and near.count > seen_near + 60, 20, "writes")
    getattr(daemon, server).up()
    finish(setup, crowd, near)


# --- at random ---

def finish(setup, *crowds):
    for crowd in crowds:
        crowd.stop()
        assert set(crowd.codes) <= {200, 201, 202}, crowd.codes
        for writer in crowd.writers:
            setup.wanted.update(writer.wanted)
    setup.system.await_up()
    versions = {row[0]: row[5] for row in setup.system.mysql.items().values()}
    for code, row in setup.wanted.items():
        setup.wanted[code] = (*row[:5], versions.get(code))
    setup.check()


@pytest.mark.threads
@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_cut_at_random(setup, daemon, server, rng):
    proxy = getattr(daemon, server)
    crowd = Crowd(8, [daemon.port], rng)
    cuts, until = 0, time.monotonic() + 5
    while time.monotonic() < until:
        fault = proxy.arm(None, rng.choice((CLIENT, SERVER)), rng.randrange(1, 20000))
        proxy.await_hit(fault)
        cuts += 1
    proxy.up()
    finish(setup, crowd)
    assert cuts >= 5
