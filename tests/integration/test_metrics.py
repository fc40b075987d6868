"""GET /metrics: Prometheus text."""
import json
import os
import re
import shutil
import subprocess

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


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DASHBOARD = os.path.join(ROOT, "deploy", "grafana", "relevo.json")


def promtool():
    """scripts/test sets the variable, see scripts/lib/promtool.sh."""
    path = os.environ.get("RELEVO_PROMTOOL") or shutil.which("promtool") \
        or os.path.join(ROOT, "build-promtool", "promtool")
    assert os.path.exists(path), "promtool is missing: `. scripts/lib/promtool.sh; promtool_ensure`"
    return path


def expressions(node):
    """Every PromQL expression of the dashboard, variables replaced."""
    if isinstance(node, list):
        for child in node:
            yield from expressions(child)
    elif isinstance(node, dict):
        for key, child in node.items():
            if key == "expr":
                yield child.replace("$__rate_interval", "5m").replace("$job", ".*") \
                    .replace("$instance", ".*")
            else:
                yield from expressions(child)


def test_promtool_and_the_dashboard_after_a_life(system, relevo, tmp_path):
    """Traffic of all kinds, an outage, a drain, a rebuild; then promtool has nothing to say, and
    Grafana asks for nothing that is not there."""
    relevo.api.post("/items", item(), {"Idempotency-Key": "k"})
    relevo.api.post("/items", {"code": 7})
    relevo.api.get("/items/1")
    relevo.api.get("/no/such")
    system.mysql_down()
    relevo.api.post("/items", item(code="C-2"))
    relevo.api.patch("/items/1", {"area": "x"})
    system.mysql_up()
    system.mysql.sql("UPDATE items SET area='y'")
    wait_until(lambda: value(relevo, "rebuilds") >= 1, 10, "rebuilds")
    text = relevo.api.get("/metrics").body
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True,
                          timeout=60)
    assert done.returncode == 0 and not done.stdout + done.stderr, done
    assert value(relevo, "drains_total") >= 1 and value(relevo, "queued_operations_total") >= 2
    assert value(relevo, "log_lines_total", '"WARN"') >= 1
    assert value(relevo, "process_cpu_seconds_total") > 0
    assert value(relevo, "process_resident_memory_bytes") > 1 << 20

    there = {key.partition("{")[0] for key in samples(relevo)}
    labels = set(re.findall(r'[{,]([a-z_]+)="', " ".join(samples(relevo)))) | {"job", "instance"}
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    asked = list(expressions(dashboard))
    assert len(asked) > 20
    for expression in asked:
        named = re.findall(r"\b(?:relevo|process)_[a-z_]+", expression)
        assert named and set(named) <= there, expression
        grouped = re.findall(r"by \(([a-z, ]+)\)", expression)
        used = re.findall(r"[{,]([a-z_]+)(?:=~|!=|=)", expression)
        assert set(used + ",".join(grouped).replace(" ", "").split(",")) - {""} <= labels, expression
    # Every expression parses.
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"dashboard:expression:{n}", "expr": e} for n, e in enumerate(asked)]}]}
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps(rules))  # JSON is YAML
    done = subprocess.run([promtool(), "check", "rules", "--lint=none", path], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done
