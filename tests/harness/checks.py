"""What has to hold whatever was done."""
import hashlib
import json

from .items import row_of
from .wait import wait_until


def expect_problem(answer, status, fields=None):
    """A problem document with this status; `fields`: exactly the faulty fields."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str) and problem[member], member
    if fields is not None:
        named = [fault["field"] for fault in problem["errors"]]
        assert sorted(named) == sorted(fields), problem
        assert all(fault["message"] for fault in problem["errors"])
    return problem


def items_of(daemon, path="/items"):
    answer = daemon.api.get(path)
    assert answer.status == 200, answer
    return answer.data


def cache_bytes(redis):
    """items:cache and its hash as one instant shows them."""
    return redis.db.pipeline(transaction=True).get("items:cache").get("items:cache:hash").execute()


def cache_problem(system, daemon=None):
    """None, or what is wrong with items:cache right now."""
    content, digest = cache_bytes(system.redis)
    if content is None or digest is None:
        return f"missing: cache {content is not None}, hash {digest is not None}"
    if hashlib.sha256(content).hexdigest() != digest.decode():
        return "the hash is not that of the bytes"
    items = json.loads(content)
    compact = json.dumps(items, separators=(",", ":"), ensure_ascii=False).encode()
    if compact != content:
        return f"not the one spelling: {content[:300]!r}"
    if daemon is not None:
        shown = daemon.api.get("/items").data
        if shown != items:
            return f"GET /items gives {shown!r}, the cache {items!r}"
    return None


def assert_cache_exact(system, daemon=None):
    """Right now, without waiting: the hash fits, the spelling is ours, GET /items shows the same."""
    problem = cache_problem(system, daemon)
    assert problem is None, problem


def await_cache_exact(system, daemon, timeout=10):
    wait_until(lambda: cache_problem(system, daemon) is None, timeout,
               lambda: f"cache: {cache_problem(system, daemon)}")


def sync_status(daemon):
    answer = daemon.api.get("/sync/status")
    assert answer.status == 200, answer
    return answer.json()


def pending_counts(daemon):
    status = sync_status(daemon)
    return tuple(status[f"pending_{kind}"] for kind in ("creates", "updates", "deletes"))


def drained(daemon):
    return pending_counts(daemon) == (0, 0, 0)


def await_consistent(daemon, timeout=10):
    wait_until(lambda: sync_status(daemon)["is_consistent"], timeout,
               lambda: f"is_consistent: {sync_status(daemon)}")


def await_the_same(system, daemons, letters=0):
    """MySQL, the cache and every instance agree, and nothing else became a dead letter. The rows."""
    system.await_up()
    rows = system.mysql.items()
    for daemon in daemons:
        wait_until(lambda d=daemon: {shown["id"]: (*row_of(shown), shown["version"])
                                     for shown in items_of(d)} == rows, 10, "the mirror is MySQL")
        await_consistent(daemon, timeout=15)
        await_cache_exact(system, daemon)
        assert len(daemon.api.get("/sync/dead").json()["data"]) == letters
    return rows
