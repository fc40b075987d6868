"""The faults, one after another: each breaks one thing for a while and mends it.

A fault is a function of the nemesis; it runs in the main thread (processes die with the thread that
started them) and leaves everything running. What instance was not able to answer, and when, is kept
for the clients: only then may an answer be missing or 5xx.
"""
import contextlib
import json
import time

import pymysql

from harness import refusing_mysql, refusing_redis
from harness.checks import pending_counts
from harness.wait import wait_until

NEVER = float("-inf")


def name_of(fault):
    return fault.__name__.replace("_", " ")


class Nemesis:
    def __init__(self, system, rng, faults=None):
        """`faults` to choose from; None: all that this system can have."""
        self.system = system
        self.rng = rng
        self.faults = faults or [f for f in FAULTS if system.disk or f is not fill_the_disk]
        self.excused = {}  # instance -> until when it is excused; inf while it is down
        self.story = []
        self.clients, self.aside = [], set()
        self.hits = 0  # how often a fault that aims at a narrow window met it

    def down(self, name, since):
        return self.excused.get(name, NEVER) >= since

    def pause(self, low, high):
        """Lets the clients work for a while: the length of a fault is not a condition."""
        time.sleep(low + self.rng.random() * (high - low))

    @contextlib.contextmanager
    def without(self, daemon):
        self.excused[daemon.name] = float("inf")
        yield
        daemon.await_answer()
        self.excused[daemon.name] = time.monotonic()

    @contextlib.contextmanager
    def quiet(self):
        """No client is in the middle of an operation."""
        with contextlib.ExitStack() as steps:
            for client in self.clients:
                steps.enter_context(client.stepping)
            yield

    @contextlib.contextmanager
    def unasked(self, daemon):
        """As behind a load balancer: nobody asks it until it knows what the others know."""
        self.aside.add(daemon.name)
        yield
        daemon.await_health(mysql=True, redis=True)
        with self.quiet():
            wait_until(lambda: sum(pending_counts(daemon)) == self.system.pending(), 4,
                       f"{daemon.name} knows what waits")
            self.aside.discard(daemon.name)

    def drainer(self):
        holder = (self.system.redis.db.get("sync:lease:holder") or b"").decode()
        return next((d for d in self.system.daemons if d.name == holder), None)

    def one(self):
        """One random fault, and everything well again."""
        fault = self.rng.choice(self.faults)
        name = name_of(fault)
        began = time.monotonic()
        self.story.append(name)
        fault(self)
        self.system.await_up(drained=False)
        return name, time.monotonic() - began

    def any_daemon(self):
        return self.rng.choice(self.system.daemons)


def kill_mysql(n):
    n.system.mysql.kill()
    n.pause(0.0, 2.5)
    n.system.mysql.start()


def stop_mysql(n):
    """A clean shutdown."""
    n.system.mysql.stop()
    n.pause(0.0, 1.5)
    n.system.mysql.start()


def freeze_mysql(n):
    n.system.mysql.pause()
    n.pause(0.2, 4)
    n.system.mysql.resume()


def kill_mysql_in_the_drain(n):
    n.system.mysql.kill()
    n.pause(0.5, 2)
    n.system.mysql.start()
    n.pause(0, 0.1)
    n.system.mysql.kill()
    n.pause(0, 0.5)
    n.system.mysql.start()


def mysql_refuses(n):
    """Read-only, out of connections, .."""
    with n.rng.choice(refusing_mysql.ways())(n.system.mysql):
        n.pause(0.3, 2)


def fill_the_disk(n):
    """Under MySQL."""
    n.system.disk.fill()
    n.pause(1, 5)
    n.system.disk.free()
    n.system.mysql.start()  # it may have given up


def kill_sessions(n):
    for _ in range(n.rng.randrange(1, 6)):
        n.system.mysql.kill_sessions()
        n.pause(0, 0.2)


def lock_rows(n):
    """Somebody holds rows and gaps for longer than anybody waits."""
    with contextlib.closing(n.system.mysql.connect(autocommit=False)) as session:
        with session.cursor() as cursor, contextlib.suppress(pymysql.err.Error):
            cursor.execute("SELECT id FROM items ORDER BY id DESC LIMIT 6 FOR UPDATE")
            n.pause(0.5, 3)
        session.rollback()


def lock_the_tables(n):
    """As a backup does: nobody writes, everybody reads."""
    with contextlib.closing(n.system.mysql.connect(user="boss")) as session:
        with session.cursor() as cursor, contextlib.suppress(pymysql.err.Error):
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            n.pause(0.5, 4)
            cursor.execute("UNLOCK TABLES")


def kill_redis(n):
    n.system.redis.kill()
    n.pause(0, 2)
    n.system.redis.start()


def freeze_redis(n):
    n.system.redis.pause()
    n.pause(0.2, 4)
    n.system.redis.resume()


def flush_redis(n):
    """Over when everything is back, that of applied operations too: until then only MySQL has it."""
    n.system.redis.wipe()
    await_records(n)


def await_records(n):
    wait_until(lambda: (n.system.redis.db.hget("items:log", "done") or b"").endswith(b" all"), 15,
               "Redis has the records of applied operations")


def redis_refuses(n):
    """OOM, READONLY, LOADING, .."""
    name = n.rng.choice(list(refusing_redis.WAYS))
    if name == "loading":
        refusing_redis.put_ballast(n.system.redis)
    with refusing_redis.WAYS[name](n.system.redis):
        n.pause(0.3, 2.5)


def step_a_clock(n):
    """To any time, and most often it stays there."""
    clock = n.any_daemon().clock
    span = n.rng.choice((1, 60, 3600, 400 * 86400))
    clock.step_to((n.rng.random() * 2 - 1) * span)
    n.pause(0.1, 1)
    if n.rng.random() < 0.3:
        clock.step_to(0)


def cut_off(n):
    """One instance from one server: refused, or silent in one or both directions."""
    daemon = n.any_daemon()
    proxy = n.rng.choice((daemon.mysql, daemon.redis))
    directions = n.rng.choice((None, (), ("client",), ("server",)))
    if directions is None:
        proxy.down()
    else:
        proxy.stall(*directions)
    n.pause(0.3, 4)
    proxy.up()


def kill_daemon(n):
    daemon = n.any_daemon()
    with n.without(daemon):
        daemon.kill()
        n.pause(0, 1)
        daemon.start(wait="up")


def stop_daemon(n):
    daemon = n.any_daemon()
    with n.without(daemon):
        daemon.stop()
        n.pause(0, 0.5)
        daemon.start(wait="up")


def freeze_daemon(n):
    daemon = n.any_daemon()
    with n.without(daemon):
        daemon.pause()
        n.pause(0.2, 4)
        daemon.resume()


def freeze_the_drainer(n):
    """Any instance may be the one that drains: freeze it there, for longer than the lease."""
    n.system.mysql.kill()
    n.pause(0.5, 1.5)
    n.system.mysql.start()
    n.pause(0, 0.1)
    daemon = n.any_daemon()
    with n.without(daemon):
        daemon.pause()
        n.pause(1, 12)
        daemon.resume()


def kill_the_drainer(n):
    n.system.mysql.kill()
    n.pause(0.5, 1.5)
    n.system.mysql.start()
    n.pause(0, 0.1)
    kill_daemon(n)


def flush_redis_in_an_outage(n):
    n.system.mysql.kill()
    n.pause(0.3, 1)
    n.hits += n.system.pending() > 0
    n.system.redis.wipe()
    n.pause(0.1, 0.5)
    n.system.mysql.start()
    await_records(n)


FAULTS = (
    kill_mysql, stop_mysql, freeze_mysql, kill_mysql_in_the_drain, mysql_refuses, fill_the_disk,
    kill_sessions, lock_rows, lock_the_tables, kill_redis, freeze_redis, flush_redis, redis_refuses,
    step_a_clock, cut_off, kill_daemon, stop_daemon, freeze_daemon, freeze_the_drainer,
    kill_the_drainer, flush_redis_in_an_outage)


# --- faults that aim at one mechanism: not among the random ones, `scripts/soak --faults` has them ---

def stutter(n):
    """Many short stops: what was committed is logged late, after what others wrote meanwhile, for
    the clients go on at the other instances."""
    for _ in range(8):
        daemon = n.any_daemon()
        with n.without(daemon):
            daemon.pause()
            n.aside.add(daemon.name)
            n.pause(0.1, 0.3)
            daemon.resume()
        n.aside.discard(daemon.name)
        n.pause(0.05, 0.15)


def hold_rows(n):
    """Somebody holds rows, but no gaps, for longer than a write waits for them."""
    ids = [row[0] for row in n.system.mysql.sql("SELECT id FROM items ORDER BY id DESC LIMIT 8")]
    with contextlib.closing(n.system.mysql.connect(autocommit=False)) as session:
        with session.cursor() as cursor, contextlib.suppress(pymysql.err.Error):
            for ident in ids:
                cursor.execute("SELECT id FROM items WHERE id=%s FOR UPDATE", (ident,))
            n.pause(1.3, 1.8)
        session.rollback()


def flush_redis_in_a_quiet_outage(n):
    """Every instance knows what waits, and nothing is accepted until it is in the lists again. The
    lists may hold more: what an instance put back before anybody could ask MySQL, which has it."""
    n.system.mysql.kill()
    n.pause(0.3, 1)
    with n.quiet():
        def known():
            return {sum(pending_counts(daemon)) for daemon in n.system.daemons}
        wait_until(lambda: len(known()) == 1, 5, lambda: f"all know what waits: {known()}")
        waiting = known().pop()
        assert waiting <= n.system.pending()
        n.system.redis.wipe()
        n.hits += waiting > 0
        wait_until(lambda: n.system.pending() == waiting, 5,
                   lambda: f"{waiting} operations are put back, {n.system.pending()} are")
    n.system.mysql.start()
    await_records(n)


def start_mysql_and_see_the_drain(n):
    """Ends the outage; returns when MySQL has written the first of the creates that waited: its
    operation, None if nothing is to be seen. COMMIT has been sent along with the rows, so they are
    committed whatever becomes of the drainer, and a dirty read sees them before it is answered."""
    entries = [json.loads(e) for e in n.system.redis.db.lrange("items:pending", 0, -1)]
    waiting = {e["data"]["code"]: e["op"] for e in entries}
    n.system.mysql.start()
    if not waiting:
        return None
    with contextlib.closing(n.system.mysql.connect()) as session, session.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            cursor.execute("SELECT code FROM items WHERE code IN %s LIMIT 1", (list(waiting),))
            if found := cursor.fetchone():
                return waiting[found[0]]
    return None


def kill_redis_in_the_drain(n):
    """Between a COMMIT of the drain and the script that forgets what was done."""
    n.system.mysql.kill()
    n.pause(0.3, 1)
    op = start_mysql_and_see_the_drain(n)
    n.system.redis.kill()
    n.pause(0, 0.3)
    n.system.redis.start()
    n.hits += op is not None and n.system.redis.db.hexists("items:ops", op)


def flush_redis_in_the_drain(n):
    n.system.mysql.kill()
    n.pause(0.3, 1)
    op = start_mysql_and_see_the_drain(n)
    n.hits += op is not None and n.system.redis.db.hexists("items:ops", op)
    n.system.redis.wipe()
    await_records(n)


def freeze_the_drainer_before_it_trims(n):
    """For a while, and clients go on asking it."""
    n.system.mysql.kill()
    n.pause(0.3, 0.8)
    op, daemon = start_mysql_and_see_the_drain(n), n.drainer()
    if op is None or daemon is None:
        return
    with n.without(daemon):
        daemon.pause()
        if n.system.redis.db.hexists("items:ops", op):
            n.hits += 1
            end_lease(n)
            n.system.await_empty_lists()
        n.pause(0, 1)
        daemon.resume()


def end_lease(n):
    """By hand: nobody has to wait for that of a stopped drainer to run out."""
    n.system.redis.db.delete("sync:lease", "sync:lease:holder")


def wake_the_drainer_late(n):
    """The drainer stands still between a COMMIT and the trimming of the lists while another one
    finishes its work, and goes on when the lists hold other operations."""
    n.system.mysql.kill()
    n.pause(0.3, 0.8)
    with contextlib.ExitStack() as stopped:
        with n.quiet():
            op, daemon = start_mysql_and_see_the_drain(n), n.drainer()
            if op is None or daemon is None:
                return
            stopped.enter_context(n.without(daemon))
            stopped.enter_context(n.unasked(daemon))
            daemon.pause()
            if not n.system.redis.db.hexists("items:ops", op):
                daemon.resume()
                return
            end_lease(n)
            n.system.await_empty_lists()
        n.system.mysql.kill()
        wait_until(lambda: n.system.redis.db.llen("items:pending") >= 5, 15, "creates wait")
        n.hits += 1
        daemon.resume()
        n.pause(0.2, 0.4)
        n.system.mysql.start()


AIMED = (
    stutter, hold_rows, flush_redis_in_a_quiet_outage, kill_redis_in_the_drain,
    flush_redis_in_the_drain, freeze_the_drainer_before_it_trims, wake_the_drainer_late)
NAMES = {name_of(f): f for f in FAULTS + AIMED}


def heal(system, patience=15):
    """Everything runs, and what waited is done."""
    system.mysql.resume()
    system.redis.resume()
    system.start_servers()
    for daemon in system.daemons:
        daemon.resume()
        wait_until(lambda d=daemon: d.running, 10, f"{daemon.name} runs")
    system.await_up(drained=False)
    system.await_drained(patience)
