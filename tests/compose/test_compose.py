"""docker-compose.yml with a real engine; run by scripts/test-compose, which brings it up in a copy of the
tree.

What users type is tried with both compose programs, where both are there: the cases of one that is not
are skipped, and say so.
"""
import contextlib
import json
import os
import pty
import re
import secrets
import signal
import subprocess
import termios

import pytest

from documents.blocks import TOP, engine_commands
from harness import Crowd, Listener, item, item_key, wait_until
from harness.compose import BACKENDS, ApiTable, Compose, output_of

pytestmark = pytest.mark.timeout(300)
MB = 1000 * 1000
ACCOUNT = 10001  # of the image
PUBLISHED = "localhost:8001"
# What .env.example leaves to be filled in, and where a test has its own ports.
OURS = ("MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD", "RELEVO_PUBLISH",
        "REDIS_INSIGHT_PUBLISH")


@pytest.fixture(scope="module")
def running():
    compose = Compose()
    for service, count in (("mysql_db", 1), ("redis_db", 1), ("backend", BACKENDS)):
        compose.await_healthy(service, count)
    wait_until(lambda: answers(compose), 60, "nginx answers", pause=0.2)
    return compose


@pytest.fixture
def compose(running):
    running.await_health(status="healthy", mode="online")
    running.await_synced()
    return running


@pytest.fixture(params=sorted(["docker-compose", "docker compose"],
                              key=lambda name: name != os.environ.get("RELEVO_COMPOSE")))
def tool(request):
    """The one that brought everything up comes first."""
    if subprocess.run([*request.param.split(), "version"], capture_output=True).returncode != 0:
        pytest.skip(f"{request.param} is not installed")
    return request.param


def answers(compose):
    try:
        return compose.api.get("/health").status == 200
    except OSError:
        return False


def test_two_instances_with_names_of_their_own(compose):
    def names():
        return {one["instance"] for one in compose.api.get("/instances").json()}
    hosts = {compose.inspect(one)["Config"]["Hostname"] for one in compose.containers("backend")}
    assert len(hosts) == BACKENDS
    wait_until(lambda: names() == hosts, 10, lambda: f"instances {names()}, hosts {hosts}")


def test_both_answer(compose):
    seen = set()
    wait_until(lambda: seen.add(compose.health()["hostname"]) or len(seen) == BACKENDS, 10, "both are asked")


def test_redis_keeps_what_it_took(compose):
    assert compose.health()["durability"] == "always"


def test_the_dashboard_is_served(compose):
    answer = compose.api.get("/", {"Accept": "text/html"})
    assert answer.status == 200 and b"<div id=\"root\"" in answer.body, answer


def test_events_are_not_gathered(compose):
    with Listener(compose.port, timeout=10) as stream:
        assert stream.next().health["status"] == "healthy"


def test_the_cache_is_read_by_redis_cli(compose):
    made = compose.api.post("/items", item(code="CLI")).data
    cache = json.loads(output_of("docker", "exec", "lab_redis", "redis-cli", "--raw", "get", "items:cache"))
    assert made in cache
    assert compose.api.delete(item_key(made)).status == 200


def test_redis_asks_for_its_password(compose):
    assert "NOAUTH" in output_of("docker", "exec", "-e", "REDISCLI_AUTH=", "lab_redis", "redis-cli", "ping")


def test_the_image_is_small(compose):
    image = compose.inspect(compose.containers("backend")[0])["Image"]
    assert json.loads(output_of("docker", "image", "inspect", image))[0]["Size"] < 120 * MB


@pytest.mark.parametrize("service", ["backend", "nginx"])
def test_without_root_and_on_a_read_only_file_system(compose, service):
    container = compose.containers(service)[0]
    assert output_of("docker", "exec", container, "id", "-u").strip() == "10001"
    assert compose.inspect(container)["HostConfig"]["ReadonlyRootfs"] is True
    output_of("docker", "exec", "-u", "0", container, "touch", "/usr/x", fails=True)
    with_caps = output_of("docker", "exec", container, "grep", "CapEff", "/proc/1/status")
    assert int(with_caps.split()[1], 16) == 0


def test_the_story_of_an_outage(compose):
    script = os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "verify-sync")
    done = subprocess.run([script, "--compose", "--url", compose.url], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    print(done.stdout)
    assert done.returncode == 0, done.stdout


def test_the_logs_tell_of_sync(compose):
    with subprocess.Popen([*compose.tool, "logs", "-f", "backend"], text=True, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as logs:
        try:
            assert any("[SYNC]" in line for line in logs.stdout)
        finally:
            logs.kill()


def test_a_backend_and_the_database_die_under_load(compose, rng):
    """Every write carries a key: no write is lost or doubled, and there is no 5xx but the 503 of an
    instance that has no answer from either server in time."""
    crowd = Crowd(4, [compose.port], rng, retry=True)

    def written(more, status):
        wanted = crowd.codes.get(status, 0) + more
        wait_until(lambda: crowd.codes.get(status, 0) >= wanted, 60,
                   lambda: f"{more} more {status}: {crowd.codes}, again: {crowd.repeated}")
    try:
        written(100, 201)
        killed = compose.containers("backend")[0]
        output_of("docker", "kill", killed)
        written(100, 201)
        # Another one takes its place, under another address.
        output_of("docker", "rm", "-f", killed)
        compose.run("up", "-d", "--no-recreate", "backend")
        compose.await_healthy("backend", BACKENDS)
        written(100, 201)
        output_of("docker", "kill", compose.containers("mysql_db")[0])
        compose.await_health(mysql=False)
        written(200, 202)
        compose.run("start", "mysql_db")
        compose.await_health(mysql=True, redis=True)
        written(100, 201)
    finally:
        crowd.stop()
    print(crowd.codes, crowd.repeated)
    assert set(crowd.repeated) <= {None, 409, 503}, crowd.repeated
    compose.await_synced()
    crowd.check(ApiTable(compose.api))
    assert compose.api.get("/sync/dead").json()["count"] == 0


def test_tokens_by_the_second_file(compose, monkeypatch):
    token, path = secrets.token_hex(16), TOP / "tokens"
    try:
        path.write_text(f"{token}:read\n", encoding="ascii")
        if os.getuid() == 0:
            os.chown(path, ACCOUNT, ACCOUNT)
            path.chmod(0o400)
        with monkeypatch.context() as changed:
            changed.setenv("COMPOSE_FILE", f"{os.environ['COMPOSE_FILE']}:deploy/compose-tokens.yml")
            compose.run("up", "-d", "backend")
            compose.await_healthy("backend", BACKENDS)
            wait_until(lambda: answers(compose), 60, "nginx answers", pause=0.2)
            for _ in range(8):
                assert compose.api.get("/items").status == 401
                assert compose.api.get("/items", {"Authorization": f"Bearer {token}"}).status == 200
    finally:
        compose.run("up", "-d", "backend")
        compose.await_healthy("backend", BACKENDS)
        path.unlink()
    wait_until(lambda: answers(compose), 60, "nginx answers", pause=0.2)
    assert compose.api.get("/items").status == 200


@pytest.mark.parametrize("files", ["docker-compose.yml",
                                   "docker-compose.yml:deploy/compose-tokens.yml"])
def test_the_files_are_read(tool, monkeypatch, files):
    monkeypatch.setenv("COMPOSE_FILE", files)
    shown = output_of(*tool.split(), "config")
    for service in ("mysql_db", "redis_db", "backend", "nginx", "redis_insight"):
        assert re.search(f"^  {service}:$", shown, re.MULTILINE), shown
    assert len(set(re.findall(r"^ +(RELEVO_[A-Z_]+):", shown, re.MULTILINE))) > 15
    assert ("RELEVO_TOKEN_FILE" in shown) == ("tokens" in files)


# --- what README.md tells to type; README.es.md has the same commands (tests/documents) ---

@pytest.fixture
def env():
    """As a user has it: passwords and ports stand in .env."""
    dot_env = TOP / ".env"
    assert not dot_env.exists(), "this is no copy of the tree"
    yield {name: value for name, value in os.environ.items() if name not in OURS}
    dot_env.unlink(missing_ok=True)


def fill_in(path):
    text = path.read_text(encoding="utf-8")
    for name in OURS:
        text, count = re.subn(f"^{name}=.*$", f"{name}={os.environ[name]}", text, flags=re.MULTILINE)
        assert count == 1, name
    path.write_text(text, encoding="utf-8")


def read_of(terminal):
    """What comes, piece by piece; EIO is its end."""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 65536):
            yield piece.decode(errors="replace")


def typed(command, env, until=None):
    """Its output, on a terminal; until that holds `until` if it has no end of its own."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (50, 200))
    child = subprocess.Popen(["bash", "-c", command], cwd=TOP, env=env, stdin=its, stdout=its, stderr=its,
                             start_new_session=True)
    os.close(its)
    output = ""
    try:
        for piece in read_of(ours):
            output += piece
            if until and until in output:
                return output
        assert child.wait(timeout=60) == 0 and not until, f"{command}: {child.returncode}\n{output}"
        return output
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        os.close(ours)


def test_what_the_readme_tells_to_type(compose, tool, env):
    answer = {
        f"curl http://{PUBLISHED}/health": '"status":"healthy"',
        f"curl http://{PUBLISHED}/sync/status": '"mysql_available":true',
        "docker-compose ps": "backend",
        "docker exec -it lab_redis redis-cli get items:cache": "[",
        "docker-compose logs -f backend | grep SYNC": "[SYNC]",
    }
    before, made = set(compose.containers("backend")), None
    # Logs that are followed have something to say after the outage.
    for command in sorted(engine_commands("README.md"), key=lambda command: "logs -f" in command):
        line = command.replace("docker-compose", tool).replace(PUBLISHED, f"127.0.0.1:{compose.port}")
        output = typed(line, env, until="[SYNC]" if "logs -f" in line else None)
        assert answer.pop(command, "") in output, f"{line}: {output}"
        if command.startswith("cp "):
            fill_in(TOP / ".env")
        elif command.endswith(" up -d"):
            compose.await_healthy("backend", BACKENDS)
            wait_until(lambda: answers(compose), 60, "nginx answers", pause=0.2)
            # .env.example says what holds without it: nothing was made anew.
            assert tool.split() != compose.tool or set(compose.containers("backend")) == before
        elif command.endswith(" stop mysql_db"):
            compose.await_health(status="degraded", mysql=False)
            made = compose.api.post("/items", item(code="README"))
            assert made.status == 202 and compose.api.get("/items").status == 200
        elif command.endswith(" start mysql_db"):
            compose.await_health(status="healthy", mysql=True)
    assert not answer, f"not in the README: {answer}"
    compose.await_synced()
    assert compose.api.delete(item_key(made.data)).status == 200
