"""GET /health."""
import socket
import time

from harness import SLOW, item

MEMBERS = ["status", "mysql", "redis", "hostname", "port", "version", "uptime_seconds", "mode",
           "durability"]


def test_healthy(relevo):
    answer = relevo.api.get("/health")
    health = answer.json()
    assert answer.status == 200 and list(health) == MEMBERS
    assert health["status"] == "healthy" and health["mysql"] is True and health["redis"] is True
    assert health["hostname"] == socket.gethostname() and health["port"] == relevo.port
    assert isinstance(health["version"], str) and health["version"]
    assert isinstance(health["uptime_seconds"], int) and 0 <= health["uptime_seconds"] < 60
    assert health["mode"] == "online" and health["durability"] == "always"


def test_degraded_without_mysql(system, relevo):
    system.mysql_down()
    answer = relevo.api.get("/health")
    assert answer.status == 200
    health = answer.json()
    assert (health["status"], health["mysql"], health["redis"]) == ("degraded", False, True)
    assert health["mode"] == "offline"


def test_degraded_without_redis(system, relevo):
    system.redis_down()
    answer = relevo.api.get("/health")
    assert answer.status == 200
    health = answer.json()
    assert (health["status"], health["mysql"], health["redis"]) == ("degraded", True, False)
    assert health["durability"] == "unknown"


def test_error_without_both(system, relevo):
    system.mysql_down()
    system.redis_down()
    answer = relevo.api.get("/health")
    assert answer.status == 503
    health = answer.json()
    assert list(health) == MEMBERS
    assert (health["status"], health["mysql"], health["redis"]) == ("error", False, False)


def test_healthy_again(system, relevo):
    system.mysql_down()
    system.redis_down()
    system.redis.start()
    system.mysql_up()
    assert relevo.api.get("/health").status == 200
    assert relevo.health()["status"] == "healthy" and relevo.health()["mode"] == "online"


def test_it_never_blocks_on_frozen_servers(system, relevo):
    system.mysql.pause()
    system.redis.pause()
    end = time.monotonic() + 4
    slowest = 0
    while time.monotonic() < end:
        started = time.monotonic()
        relevo.api.get("/health")
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 0.5 * SLOW
    assert relevo.api.get("/health").status == 503


def test_a_dead_server_shows_without_any_request(system):
    """Within two probe intervals and one time-out."""
    relevo = system.start(RELEVO_PROBE_INTERVAL="300ms", RELEVO_MYSQL_TIMEOUT="500ms")
    system.mysql.pause()
    relevo.await_health(timeout=2 * 0.3 + 0.5 + 0.5, mysql=False)
    system.redis.pause()
    relevo.await_health(timeout=2 * 0.3 + 0.5 + 0.5, redis=False)


def test_durability_follows_a_change(system, relevo):
    system.redis.db.config_set("appendfsync", "no")
    try:
        relevo.await_health(durability="none")
    finally:
        system.redis.db.config_set("appendfsync", "always")
    relevo.await_health(durability="always")


def test_outage_writes_are_refused_without_durability_if_so_configured(system):
    relevo = system.start(RELEVO_REQUIRE_DURABLE="on")
    system.redis.db.config_set("appendonly", "no")
    try:
        relevo.await_health(durability="none")
        assert relevo.api.post("/items", item()).status == 201
        system.mysql_down()
        answer = relevo.api.post("/items", item(code="B"))
        assert answer.status == 503 and answer.headers["Retry-After"]
    finally:
        system.redis.db.config_set("appendonly", "yes")
    relevo.await_health(durability="always")
    assert relevo.api.post("/items", item(code="C")).status == 202
