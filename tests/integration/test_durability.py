"""How safe accepted writes are in the Redis at hand: /health, the warning, RELEVO_REQUIRE_DURABLE."""
import contextlib

import pytest

from harness import expect_problem, item, wait_until
from harness.metrics import value

DEFAULTS = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
# What Redis is set to, what /health says of it, and whether an outage write may be queued there.
VARIANTS = {
    "always": ({"appendfsync": "always"}, "always", True),
    "everysec": ({"appendfsync": "everysec"}, "everysec", True),
    "never synced": ({"appendfsync": "no"}, "none", False),
    "no AOF": ({"appendonly": "no"}, "none", False),
    "evicts all": ({"maxmemory-policy": "allkeys-lru"}, "always", False),
    "evicts volatile": ({"maxmemory-policy": "volatile-ttl"}, "always", False),
    "no AOF and evicts": ({"appendonly": "no", "maxmemory-policy": "allkeys-random"}, "none", False),
}
AOF, EVICTION = "AOF is off", "eviction policy"


@contextlib.contextmanager
def settings(system, **wanted):
    """Redis with these, and as it was afterwards."""
    try:
        for name, text in wanted.items():
            system.redis.db.config_set(name, text)
        yield
    finally:
        for name, text in DEFAULTS.items():
            system.redis.db.config_set(name, text)


@contextlib.contextmanager
def forbidden(system, *commands):
    """The URL of an account that may not run these."""
    system.redis.db.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all",
                                    *(f"-{command}" for command in commands))
    try:
        yield f"redis://limited:secret@127.0.0.1:{system.redis.port}/0"
    finally:
        system.redis.db.execute_command("ACL", "DELUSER", "limited")


def warnings(daemon, text):
    return len(daemon.log_lines("WARN", text))


@pytest.mark.parametrize("name", VARIANTS)
def test_health_the_gauge_and_the_writes_agree(system, name):
    wanted, shown, durable = VARIANTS[name]
    with settings(system, **wanted):
        strict = system.start(RELEVO_REQUIRE_DURABLE="on")
        lenient = system.start()
        for relevo in (strict, lenient):
            assert relevo.health()["durability"] == shown
            assert value(relevo, "queue_durable") == durable
            assert relevo.api.post("/items", item()).status == 201
        system.mysql_down()
        assert lenient.api.post("/items", item()).status == 202
        answer = strict.api.post("/items", item())
        if durable:
            assert answer.status == 202
        else:
            expect_problem(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0
        system.mysql_up()
        assert len(system.mysql.items()) == 3 + durable


@pytest.mark.parametrize("commands", [("config",), ("info",), ("config", "info")])
def test_what_cannot_be_asked_is_unknown_and_not_durable(system, commands):
    with forbidden(system, *commands) as url:
        relevo = system.start(RELEVO_REQUIRE_DURABLE="on", RELEVO_REDIS_URL=url)
        assert relevo.health()["durability"] == "unknown"
        assert value(relevo, "queue_durable") == 0
        assert relevo.api.post("/items", item()).status == 201
        system.mysql_down()
        expect_problem(relevo.api.post("/items", item()), 503)
        relevo.stop()
        relevo.start(wait="up", RELEVO_REQUIRE_DURABLE="off")
        relevo.await_health(redis=True)
        assert relevo.api.post("/items", item()).status == 202
        system.mysql_up()
        relevo.stop()


@pytest.mark.parametrize("wanted, text", [
    ({"appendonly": "no"}, AOF), ({"appendfsync": "no"}, AOF),
    ({"maxmemory-policy": "allkeys-lru"}, EVICTION)])
def test_it_warns_once(system, wanted, text):
    other = EVICTION if text == AOF else AOF
    with settings(system, **wanted):
        relevo = system.start(RELEVO_PROBE_INTERVAL="100ms")
        beats = int(system.redis.db.get("requests:a") or 0)
        wait_until(lambda: relevo.api.get("/items").status and
                   int(system.redis.db.get("requests:a") or 0) > beats + 3, 8, "further probes")
        assert warnings(relevo, text) == 1 and warnings(relevo, other) == 0


def test_it_warns_when_it_becomes_so_and_once_more_when_it_does_again(system, relevo):
    assert warnings(relevo, AOF) == warnings(relevo, EVICTION) == 0
    for round_ in (1, 2):
        with settings(system, appendonly="no"):
            relevo.await_health(durability="none")
            wait_until(lambda: warnings(relevo, AOF) == round_, 5, "the warning")
        relevo.await_health(durability="always")
    assert warnings(relevo, EVICTION) == 0


def test_no_warning_where_all_is_well_or_unknown(system):
    well = system.start()
    with forbidden(system, "config") as url:
        unknown = system.start(RELEVO_REDIS_URL=url)
        assert unknown.health()["durability"] == "unknown"
        for relevo in (well, unknown):
            assert warnings(relevo, AOF) == warnings(relevo, EVICTION) == 0
        unknown.stop()


def test_a_restarted_redis_is_judged_anew(system, relevo):
    """Without AOF it comes back empty: the daemon says so again."""
    with settings(system, appendonly="no"):
        wait_until(lambda: warnings(relevo, AOF) == 1, 5, "the warning")
        system.redis.durable = False
        try:
            system.redis.kill()
            relevo.await_health(redis=False)
            system.redis.start()
            relevo.await_health(redis=True, durability="none")
            wait_until(lambda: warnings(relevo, AOF) == 2, 5, "the warning again")
        finally:
            system.redis.durable = True
            system.redis.stop()
            system.redis.start()
    relevo.await_health(redis=True, durability="always")
