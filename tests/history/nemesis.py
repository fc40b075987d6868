"""The faults, one after another: each breaks one thing for a while and mends it.

A fault is a function of the nemesis; it runs in the main thread (processes die with the thread that
started them) and leaves everything running. What instance was not able to answer, and when, is kept
for the clients: only then may an answer be missing or 5xx.
"""
import contextlib
import time

import pymysql

from harness import refusing_mysql, refusing_redis
from harness.wait import wait_until

NEVER = float("-inf")


class Nemesis:
    def __init__(self, system, rng, faults=None):
        """`faults`: names of those to choose from; None: all that this system can have."""
        self.system = system
        self.rng = rng
        self.faults = chosen(system, faults)
        self.excused = {}  # instance -> until when it is excused; inf while it is down
        self.story = []

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

    def one(self):
        """One random fault, and everything well again."""
        name, fault = self.rng.choice(self.faults)
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


FAULTS = {f.__name__.replace("_", " "): f for f in (
    kill_mysql, stop_mysql, freeze_mysql, kill_mysql_in_the_drain, mysql_refuses, fill_the_disk,
    kill_sessions, lock_rows, kill_redis, freeze_redis, flush_redis, redis_refuses, step_a_clock,
    cut_off, kill_daemon, stop_daemon, freeze_daemon, freeze_the_drainer, kill_the_drainer)}


def chosen(system, names=None):
    """[(name, fault)]; without `names` all that this system can have."""
    if names is None:
        names = [name for name in FAULTS if system.disk or name != "fill the disk"]
    unknown = [name for name in names if name not in FAULTS]
    assert not unknown, f"no such faults: {unknown}; there are {list(FAULTS)}"
    return [(name, FAULTS[name]) for name in names]


def heal(system):
    """Everything runs, and what waited is done."""
    system.mysql.resume()
    system.redis.resume()
    system.start_servers()
    for daemon in system.daemons:
        daemon.resume()
        wait_until(lambda d=daemon: d.running, 10, f"{daemon.name} runs")
    system.await_up(drained=True)
