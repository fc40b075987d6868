"""items:cache is sent in part where Redis still has the last snapshot, and whole where not."""
import contextlib
import hashlib
import pathlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.exceptions import ResponseError

from harness import (Client, Crowd, assert_cache_exact, await_cache_exact, cache_bytes, item,
                     items_of, sync_status, wait_until)
from harness.metrics import value
from harness.proxy import CLIENT, SERVER
from harness.redis_server import script as script_call

WIDE = "😀" * 50
ROWS = 700  # several of the pieces that the list is kept in
CALM = {"RELEVO_SYNC_INTERVAL": "1h", "RELEVO_PUBLISH_BUDGET": "256MiB"}


def grown(system, rows, wide=False, **env):
    """A daemon with many items, of about 1 KB each if wide; its first snapshot has gone whole."""
    system.start().stop()
    text = WIDE if wide else "x"
    with contextlib.closing(system.mysql.connect()) as session, session.cursor() as cursor:
        cursor.executemany("INSERT INTO items (code,type,status,area) VALUES (%s,%s,%s,%s)",
                           [(f"C-{n}", text, text, text * 2) for n in range(1, rows + 1)])
    system.redis.wipe()
    daemon = system.start(**env)
    wait_until(lambda: sync_status(daemon)["cache_items"] == rows, 10, "all items")
    daemon.api.post("/items", item(code="first"))
    await_cache_exact(system, daemon)
    return daemon


def await_quiet(daemon):
    """The checks of the start are over, and the next one is due in an hour. (A check may put a
    snapshot in place itself, and the one after it goes whole.)"""
    wait_until(lambda: sync_status(daemon)["last_sync"] is not None, 10, "the first check")
    wait_until(lambda: daemon.api.post("/sync/run").status == 202, 10, "no check runs")
    first = sync_status(daemon)["last_sync"]["at"]
    wait_until(lambda: sync_status(daemon)["last_sync"]["at"] != first, 10, "one more check")


@pytest.fixture
def many(system):
    """A daemon with many items whose cache no check repairs, and budget for all its writes."""
    return grown(system, ROWS, **CALM)


def published(daemon):
    return (value(daemon, "relevo_publish_bytes_total"),
            value(daemon, "relevo_publish_sent_bytes_total"))


@pytest.mark.parametrize("write, most", [
    (lambda api: api.post("/items", item(code="new")), 400),
    (lambda api: api.patch(f"/items/{ROWS}", {"area": "a longer name"}), 800),
    (lambda api: api.patch("/items/1", {"area": "a longer name"}), None),
    (lambda api: api.delete(f"/items/{ROWS}"), None)],
    ids=["at the end", "near the end", "at the start", "it gets shorter"])
def test_what_differs_is_sent(system, many, write, most):
    whole, sent = published(many)
    assert write(many.api).status in (200, 201)
    assert_cache_exact(system, many)
    size = len(system.redis.db.get("items:cache"))
    # A few publishes may run, never none.
    assert published(many)[0] - whole >= size
    grown = published(many)[1] - sent
    assert grown <= most if most else grown >= size - 200


def test_any_order_of_writes_gives_the_exact_bytes(system, many, rng):
    ids = [shown["id"] for shown in items_of(many)]
    for n in range(200):
        kind = rng.choice("cccuuudd")
        at = rng.choice((0, len(ids) // 2, len(ids) - 1, rng.randrange(len(ids))))
        if kind == "c":
            ids.append(many.api.post("/items", item(code=f"N-{n}")).data["id"])
        elif kind == "u":
            many.api.patch(f"/items/{ids[at]}", {"area": "x" * rng.randrange(1, 30)})
        else:
            many.api.delete(f"/items/{ids.pop(at)}")
        assert_cache_exact(system, many)


def test_down_to_nothing_and_up_again(system):
    relevo = system.start(**CALM)
    for _ in range(3):
        made = [relevo.api.post("/items", item(code=f"C-{n}")).data["id"] for n in range(3)]
        assert_cache_exact(system, relevo)
        for number in made:
            relevo.api.delete(f"/items/{number}")
            assert_cache_exact(system, relevo)


def test_instances_that_take_turns(system, many):
    other = system.start(**CALM)
    wait_until(lambda: len(items_of(other)) == ROWS + 1, 10, "the other one has all items")
    for n in range(20):
        for daemon in (many, other):
            assert daemon.api.post("/items", item(code=f"T-{n}")).status == 201
            assert_cache_exact(system)
    assert system.redis.db.get("items:cache").count(b'"code":"T-') == 40


@pytest.mark.parametrize("harm", [
    lambda db: db.delete("items:cache"), lambda db: db.set("items:cache", ""),
    lambda db: db.append("items:cache", " "), lambda db: db.delete("items:cache:hash"),
    lambda db: db.set("items:cache:hash", "0" * 64), lambda db: db.delete("items:cache")
    and db.rpush("items:cache", "a list"), lambda db: db.delete("items:cache:hash")
    and db.rpush("items:cache:hash", "a list")],
    ids=["cache deleted", "empty", "a byte more", "hash deleted", "wrong hash", "another type",
         "hash of another type"])
def test_on_another_snapshot_nothing_is_built(system, many, harm):
    """The very next write puts a whole one in place."""
    harm(system.redis.db)
    assert many.api.post("/items", item(code="after")).status == 201
    assert_cache_exact(system, many)


def test_after_a_flush_the_first_one_is_whole(system, many):
    system.redis.db.flushall()
    assert many.api.post("/items", item(code="after")).status in (201, 202)
    await_cache_exact(system, many)
    assert many.api.post("/items", item(code="last")).status == 201
    assert_cache_exact(system, many)


@pytest.fixture
def large(system):
    """A table whose snapshot takes some seconds of its budget."""
    return grown(system, 15000, wide=True, RELEVO_SYNC_INTERVAL="1h",
                 RELEVO_PUBLISH_BUDGET="4MiB")


def post_wide(daemon, count):
    """Items at the end of the list, of about 1 KB each."""
    def post(worker):
        client = Client(daemon.port)
        for n in range(count // 6):
            body = item(code=f"S-{worker}-{n}", type=WIDE, status=WIDE, area=WIDE * 2)
            assert client.post("/items", body).status == 201
        client.close()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(post, range(6)))


def test_without_budget_it_follows_in_small_steps(system, large):
    """The whole one went once; what comes later does not wait until it may go whole again."""
    size = len(system.redis.db.get("items:cache"))
    await_quiet(large)
    _, sent = published(large)
    post_wide(large, 1500)
    await_cache_exact(system, large)
    assert published(large)[1] - sent < size


@pytest.fixture
def held_up(system):
    """A daemon whose way to Redis may stand still, what is in the cache, and what it has sent."""
    daemon = grown(system, 4000, wide=True, proxied=True, RELEVO_SYNC_INTERVAL="1h",
                   RELEVO_PUBLISH_BUDGET="1MiB", RELEVO_REDIS_TIMEOUT="20s")
    await_quiet(daemon)
    return daemon, len(system.redis.db.get("items:cache")), published(daemon)[1]


def test_what_differs_may_take_several_pieces(system, held_up):
    """An instance that was held up has more to bring than one piece, but not all of it."""
    daemon, size, sent = held_up
    fault = daemon.redis.arm(script_call("publish"), CLIENT, 0, stall=True)
    post_wide(daemon, 6)
    daemon.redis.await_hit(fault)
    post_wide(daemon, 1500)
    daemon.redis.up()
    await_cache_exact(system, daemon)
    assert published(daemon)[1] - sent < size
    assert not system.redis.db.keys("items:cache:next:*")


def test_what_changed_while_a_large_one_went_up_follows_it(system, held_up):
    """It is too much for one step, and sending all again would be behind again."""
    daemon, size, sent = held_up
    fault = daemon.redis.arm(b"items:cache:next:", SERVER, 1 << 19, stall=True)
    assert daemon.api.patch("/items/1", {"area": "all of it differs"}).status == 200
    daemon.redis.await_hit(fault, timeout=20)
    post_wide(daemon, 1500)
    daemon.redis.up()
    await_cache_exact(system, daemon)
    assert published(daemon)[1] - sent < 1.5 * size


def test_a_check_under_load_does_not_publish_in_vain(system, large, rng):
    """By the time it is there it would be behind again."""
    size = len(system.redis.db.get("items:cache"))
    await_quiet(large)
    crowd = Crowd(4, [large.port], rng)
    try:
        wait_until(lambda: crowd.count > 20, 10, "the crowd writes")
        checked = sync_status(large)["last_sync"]["at"]
        received = system.redis.db.info("stats")["total_net_input_bytes"]
        written = crowd.count
        assert large.api.post("/sync/run").status == 202
        wait_until(lambda: sync_status(large)["last_sync"]["at"] != checked, 20, "the check")
        received = system.redis.db.info("stats")["total_net_input_bytes"] - received
        written = crowd.count - written
    finally:
        crowd.stop()
    # What the writes brought, and the cache once.
    assert received < written * 10000 + 1.5 * size, (received, written, size)
    await_cache_exact(system, large)


def test_a_changed_byte_is_repaired_while_writes_go_on(system):
    """Nobody may build on it, and its repair must not lose against the next snapshot for ever."""
    daemon = grown(system, 100000, RELEVO_SYNC_INTERVAL="2s")
    stop = threading.Event()

    def post(worker):
        client, count = Client(daemon.port), 0
        while not stop.is_set():
            assert client.post("/items", item(code=f"P-{worker}-{count}")).status == 201
            count += 1
        client.close()
        return count

    def good():
        content, digest = cache_bytes(system.redis)
        return hashlib.sha256(content).hexdigest().encode() == digest
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(post, worker) for worker in range(3)]
        try:
            # Its whole snapshots are over, it goes on in small steps.
            wait_until(lambda: value(daemon, "relevo_publishes_total") > 20, 20, "many snapshots")
            system.redis.db.setrange("items:cache", 40, "#")
            wait_until(good, 12, "the bytes fit their hash again")
        finally:
            stop.set()
        assert sum(writer.result() for writer in writers) > 100
    await_cache_exact(system, daemon)
    assert 1 <= len(daemon.log_lines("does not match its hash")) <= 2


def test_instances_together_keep_to_their_budgets(system):
    budget = 64 << 10
    daemons = [grown(system, ROWS, RELEVO_SYNC_INTERVAL="1h", RELEVO_PUBLISH_BUDGET="64KiB")]
    daemons.append(system.start(RELEVO_SYNC_INTERVAL="1h", RELEVO_PUBLISH_BUDGET="64KiB"))
    wait_until(lambda: len(items_of(daemons[1])) == ROWS + 1, 10, "the other one has all items")
    began, before = time.monotonic(), [published(daemon)[1] for daemon in daemons]
    for n in range(30):
        assert daemons[n % 2].api.post("/items", item(code=f"B-{n}")).status == 201
        time.sleep(0.3)  # a write now and then: each may find the other's snapshot
    await_cache_exact(system, daemons[0])
    size = len(system.redis.db.get("items:cache"))
    for daemon, sent in zip(daemons, before):
        # What refills, what there was at the start, and one that began with the last byte of it.
        most = budget * (time.monotonic() - began) + budget + size
        assert published(daemon)[1] - sent < most


def script(name):
    return (pathlib.Path(__file__).parents[2] / "src/redis/lua" / f"{name}.lua").read_text("utf-8")


def test_a_snapshot_whose_pieces_were_lost_is_refused(system, relevo):
    """Redis forgets everything while the pieces go up: those after that make a key with a hole."""
    relevo.api.post("/items", item())
    relevo.stop()
    db = system.redis.db
    epoch, snap = db.hmget("items:log", "epoch", "snap")
    before = cache_bytes(system.redis)
    there = (len(before[0]), before[1].decode())  # what differs goes up in pieces too
    again = (epoch, int(snap) + 1, "0" * 64, 1000, "0")
    for refused, name, args in (
            (None, "publish", (*again, 1, *there, "pieces", 9)),  # to be sent again
            (None, "publish", (*again, 0, 0, "", "pieces", 9)),
            ("EPOCH", "publish", ("other", *again[1:], 0, 0, "", "pieces", 8)),
            ("STALE the pieces", "found", ("new", "0" * 64, "", epoch, "pieces", 9)),
            ("STALE another epoch", "found", ("new", "0" * 64, "", "other", "pieces", 8))):
        db.set("pieces", "8 bytes.")
        if refused is None:
            assert db.eval(script(name), 0, *args) is None
        else:
            with pytest.raises(ResponseError, match=refused):
                db.eval(script(name), 0, *args)
        assert not db.exists("pieces")
        assert cache_bytes(system.redis) == before
        assert db.hget("items:log", "epoch") == epoch


def test_pieces_that_vanish_are_sent_again(system, rng):
    """Their key goes while they go up, once and again. It never stays for ever: it has an end from its
    first byte on."""
    daemon = grown(system, 20000, wide=True, RELEVO_SYNC_INTERVAL="1h", RELEVO_PUBLISH_BUDGET="1GiB")
    db, gone = system.redis.db, []

    def vanish():
        for key in db.keys("items:cache:next:*"):
            lifetime = db.ttl(key)
            assert lifetime == -2 or 0 <= lifetime <= 60  # -2: it has taken its place
            gone.extend([key] * db.delete(key))
        return len(gone) >= 3
    db.delete("items:cache")
    crowd = Crowd(2, [daemon.port], rng)
    try:
        wait_until(vanish, 60, lambda: f"uploads that lose their pieces: {gone}", pause=0.001)
    finally:
        crowd.stop()
    await_cache_exact(system, daemon)
    assert not db.keys("items:cache:next:*")


@pytest.mark.parametrize("command", [b"HKEYS", b"items:cache:hash"], ids=["lists", "hash"])
def test_what_moves_while_it_is_loaded(system, relevo, command):
    """A daemon reads the snapshot and the lists one after another; another one goes on writing."""
    relevo.api.post("/items", item(code="before"))
    late = system.daemon(proxied=True, RELEVO_REDIS_TIMEOUT="20s")
    fault = late.redis.arm(command, SERVER, 0, stall=True)
    late.start(wait=None)
    late.redis.await_hit(fault)
    for n in range(5):
        assert relevo.api.post("/items", item(code=f"C-{n}")).status == 201
    epoch = system.redis.db.hget("items:log", "epoch")
    late.redis.up()
    late.await_answer()
    late.await_health(mysql=True, redis=True)
    assert items_of(late) == items_of(relevo)
    assert not late.log_lines("does not match its hash") and not late.log_lines("[REBUILD]")
    assert system.redis.db.hget("items:log", "epoch") == epoch
