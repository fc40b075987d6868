"""GET /metrics: Prometheus text."""
import pytest

from harness import item, wait_until
from harness.metrics import samples, value


def test_form(relevo):
    relevo.api.post("/items", item())
    relevo.api.get("/items/1")
    assert len(samples(relevo)) > 20


def test_requests_by_route_and_code(relevo):
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    relevo.api.get("/items/1")
    relevo.api.get("/items/77")
    assert value(relevo, "requests", "_total", '"/items"', '"201"') == 3
    assert value(relevo, "requests", "_total", '"/items/{id}"', '"200"') == 1
    assert value(relevo, "requests", "_total", '"/items/{id}"', '"404"') == 1


def test_the_path_itself_is_no_label(relevo):
    relevo.api.get("/items/77")
    relevo.api.get("/some/thing")
    assert not [key for key in samples(relevo) if "77" in key or "some" in key]


def test_latency_histogram(relevo):
    for n in range(5):
        relevo.api.post("/items", item(code=f"C-{n}"))
    buckets = [key for key in samples(relevo) if "duration" in key and "_bucket" in key
               and '"/items"' in key]
    assert any('le="+Inf"' in key for key in buckets)
    assert value(relevo, "duration", "_count", '"/items"') >= 5


def test_both_servers_up_and_down(system, relevo):
    assert value(relevo, "mysql_up") == 1 and value(relevo, "redis_up") == 1
    system.mysql_down()
    assert value(relevo, "mysql_up") == 0 and value(relevo, "redis_up") == 1
    system.redis_down()
    assert value(relevo, "redis_up") == 0


def test_pending_by_kind(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    for n in range(3):
        relevo.api.post("/items", item(code=f"C-{n}"))
    relevo.api.patch("/items/1", {"area": "x"})
    for kind, count in (("create", 3), ("update", 1), ("delete", 0)):
        assert value(relevo, "pending", f'"{kind}') == count


def test_cache_items(relevo):
    for n in range(4):
        relevo.api.post("/items", item(code=f"C-{n}"))
    assert value(relevo, "cache_items") == 4


@pytest.mark.parametrize("name", ["drain", "rebuild", "conflict", "batch"])
def test_counters_are_there(relevo, name):
    relevo.api.post("/items", item())
    assert value(relevo, name) >= 0


def test_drains_are_counted(system, relevo):
    before = value(relevo, "drains")
    system.mysql_down()
    relevo.api.post("/items", item())
    system.mysql_up()
    wait_until(lambda: value(relevo, "drains") > before, 5, "drains")


def test_rebuilds_are_counted(system, relevo):
    relevo.api.post("/items", item())
    system.mysql.sql("UPDATE items SET area='x'")
    wait_until(lambda: value(relevo, "rebuilds") >= 1, 10, "rebuilds")
