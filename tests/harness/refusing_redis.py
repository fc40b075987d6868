"""A Redis that runs and answers, but refuses: each way is a context, mended at its end."""
import contextlib
import os

import redis

from .ports import free_port
from .wait import wait_until


@contextlib.contextmanager
def _boss(server):
    """A client that keeps its session."""
    client = server.db
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _configured(server, name):
    """With 1 there, which is too little or too much; 0 is as it was."""
    server.db.config_set(name, 1)
    try:
        yield
    finally:
        server.db.config_set(name, 0)


def out_of_memory(server):
    """`maxmemory` reached, nothing may be evicted: OOM."""
    return _configured(server, "maxmemory")


@contextlib.contextmanager
def replica(server):
    """Made a replica, as after a fail-over that nobody told us: READONLY. Its master is away, so it
    keeps its data."""
    server.db.replicaof("127.0.0.1", free_port())
    try:
        yield
    finally:
        server.db.replicaof("NO", "ONE")


def no_replicas(server):
    """Too few replicas follow it: NOREPLICAS."""
    return _configured(server, "min-replicas-to-write")


@contextlib.contextmanager
def snapshot_failed(server):
    """BGSAVE failed, so Redis takes no more writes: MISCONF."""
    obstacle = os.path.join(server.data, "dump.rdb")
    os.makedirs(obstacle)  # no file takes the place of a folder
    server.db.config_set("save", "86400 1000000")
    try:
        _save(server, "err")
        yield
    finally:
        os.rmdir(obstacle)
        _save(server, "ok")
        server.db.config_set("save", "")
        os.remove(obstacle)


def _save(server, wanted):
    def saved():
        persistence = server.db.info("persistence")
        return (not persistence["rdb_bgsave_in_progress"] and
                persistence["rdb_last_bgsave_status"] == wanted)
    with contextlib.suppress(redis.exceptions.ResponseError):  # one is at it
        server.db.bgsave()
    wait_until(saved, 20, f"BGSAVE ends with {wanted}")


@contextlib.contextmanager
def _few_clients(server):
    """`maxclients` reached: new sessions are refused."""
    with _boss(server) as boss:
        before = boss.config_get("maxclients")["maxclients"]
        boss.config_set("maxclients", 1)
        try:
            yield boss
        finally:
            boss.config_set("maxclients", before)


@contextlib.contextmanager
def out_of_clients(server):
    """Every session ended, and no new ones."""
    with _few_clients(server) as boss:
        boss.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield


@contextlib.contextmanager
def out_of_new_clients(server):
    """The same, but sessions that only look whether Redis is well are left."""
    with _few_clients(server) as boss:
        for client in boss.client_list():
            if client["cmd"] not in ("config|get", "zcount", "client|list"):
                with contextlib.suppress(redis.exceptions.ResponseError):  # it is gone
                    boss.client_kill(f"{client['addr']}")
        yield


@contextlib.contextmanager
def loading(server):
    """Killed, restarted, and slow to read its file: LOADING."""
    db = server.db
    with contextlib.suppress(redis.exceptions.ResponseError):  # one is at it
        db.bgrewriteaof()
    wait_until(lambda: not (p := db.info("persistence"))["aof_rewrite_in_progress"]
               and not p["aof_rewrite_scheduled"] and p["aof_last_bgrewrite_status"] == "ok", 20,
               "the file is rewritten")
    server.kill()
    # It hears us between two keys, each of which takes its time.
    server.launch("--key-load-delay", "40000", "--loading-process-events-interval-bytes", "1024")
    with _boss(server) as boss:
        try:
            wait_until(lambda: _is_loading(boss), 10, "it loads", pause=0.005)
            yield
            assert _is_loading(boss), "the load ended too early"
        finally:
            boss.config_set("key-load-delay", 0)
    server.await_ready()


def _is_loading(boss):
    try:
        return boss.info("persistence")["loading"] == 1
    except redis.exceptions.ConnectionError:
        return False


def put_ballast(server, count=800):
    """Something for `loading` to load."""
    pipe = server.db.pipeline(transaction=False)
    for n in range(count):
        pipe.set(f"ballast:{n}", b"." * 2000)
    pipe.execute()


WAYS = {way.__name__: way for way in (out_of_memory, replica, no_replicas, snapshot_failed,
                                      out_of_clients, out_of_new_clients, loading)}
