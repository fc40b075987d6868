"""Tokens: who may do what, and what a client is told that may not."""
import http.client
import json
import os
import re
import subprocess
import threading

import pytest

from harness import Client, expect_problem, item, raw_exchange, wait_until
from harness.relevo import daemon_environment, relevod_path

TOKENS = {"read": "r-3f9c1b", "write": "w-77ab20", "admin": "a-0e55d1"}
FILE = "# who may do what\n\n" + "".join(f"{token}:{role}\n" for role, token in TOKENS.items())
RANKS = {"anyone": 0, "read": 1, "write": 2, "admin": 3}


def bearer(token, **more):
    return {"Authorization": f"Bearer {token}", **more}


def as_role(role, **more):
    return bearer(TOKENS[role], **more)


class Guarded:
    """A daemon with a token file that a test can write again."""

    def __init__(self, system, folder, text=FILE, mode=0o600):
        self.path = os.path.join(folder, "tokens")
        self.write(text, mode)
        self.daemon = system.daemon(RELEVO_TOKEN_FILE=self.path)

    def write(self, text, mode=0o600):
        fresh = self.path + ".new"
        with open(fresh, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text)
        os.replace(fresh, self.path)

    def reload(self, *words):
        """SIGHUP, and wait for a new log line with these words."""
        before = len(self.daemon.log_lines(*words))
        self.daemon.hang_up()
        wait_until(lambda: len(self.daemon.log_lines(*words)) > before, 10, f"{words} logged")


@pytest.fixture
def guarded(system, tmp_path):
    guarded = Guarded(system, tmp_path)
    guarded.daemon.start()
    return guarded


@pytest.fixture
def api(guarded):
    return guarded.daemon.api


def challenge(answer, status, error=None, scope=None):
    """A problem document and a challenge of RFC 6750 with exactly this error."""
    expect_problem(answer, status)
    scheme, _, rest = answer.headers["WWW-Authenticate"].partition(" ")
    wanted = {"realm": "relevo", "error": error, "scope": scope}
    assert scheme == "Bearer"
    assert dict(re.findall(r'(\w+)="([^"]*)"', rest)) == {k: v for k, v in wanted.items() if v}


# --- the file at start ---

def run(path, *arguments):
    return subprocess.run([relevod_path(), *arguments], text=True, capture_output=True, timeout=20,
                          env=daemon_environment({"RELEVO_TOKEN_FILE": str(path)}))


@pytest.mark.parametrize("text, said", [
    ("sesame:read\nsesame2\n", "line 2:"), ("sesame:root\n", "line 1:"), ("read:sesame", "line 1:"),
    ("#\n\nse same:read\n", "line 3:"), ("sesame:read\nsesame:admin\n", "line 2:"),
    ("\0", "line 1:"), ("", "no token"), ("# nothing but words\n", "no token")])
@pytest.mark.parametrize("arguments", [[], ["--check-config"]])
def test_a_bad_file_is_refused_in_one_line(tmp_path, text, said, arguments):
    path = tmp_path / "tokens"
    path.write_text(text, encoding="utf-8")
    done = run(path, *arguments)
    assert done.returncode == 2 and done.stdout == "", done
    line, = done.stderr.splitlines()
    assert f"RELEVO_TOKEN_FILE={path}: " in line and said in line, line
    assert "accepted: " in line and "token:role" in line and "read, write or admin" in line, line
    assert "sesame" not in line


def test_what_is_no_file_is_refused(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, tmp_path / "missing", fifo):
        done = run(path)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done


def test_a_file_that_others_can_read_is_warned_of_once(system, tmp_path):
    guarded = Guarded(system, tmp_path, mode=0o644)
    guarded.daemon.start()
    assert len(guarded.daemon.log_lines(" WARN ", guarded.path)) == 1
    guarded.write(FILE, 0o640)
    guarded.reload("tokens in", ": 3")
    assert len(guarded.daemon.log_lines(" WARN ", guarded.path)) == 1


def test_no_token_is_ever_logged(guarded, api):
    guarded.daemon.stop()
    guarded.daemon.start(RELEVO_LOG_LEVEL="debug")
    for headers in (as_role("admin"), bearer("w-77ab20x"), {"Authorization": "w-77ab20"}):
        guarded.daemon.api.get("/items", headers)
        guarded.daemon.api.post("/items", item(), headers)
    guarded.write("w-77ab20:root")
    guarded.reload("ERROR")
    for token in TOKENS.values():
        assert token not in guarded.daemon.log()


# --- every route, every role ---

def routes(daemon, headers):
    """(pattern, method) of all that the daemon has, from its metrics and its Allow headers."""
    patterns = {re.search(r'route="([^"]+)"', name).group(1) for name in samples_as(daemon, headers)
                if name.startswith("relevo_http_request_duration_seconds_count")} - {"unknown", "*"}
    assert len(patterns) >= 12
    for pattern in sorted(patterns):
        answer = daemon.api.request("OPTIONS", path_of(pattern))
        assert answer.status == 204, answer
        for method in answer.headers["Allow"].split(", "):
            yield pattern, method


def samples_as(daemon, headers):
    text = daemon.api.get("/metrics", headers).body.decode()
    return [line.rpartition(" ")[0] for line in text.splitlines() if line and line[0] != "#"]


def path_of(pattern):
    return pattern.replace("{id}", "999999").replace(
        "{op}", "018f0000-0000-7000-8000-000000000000")


def role_by_contract(pattern, method):
    if method == "OPTIONS" or pattern == "/health":
        return "anyone"
    if method in ("GET", "HEAD"):
        return "read"
    return "admin" if pattern.startswith("/sync/") else "write"


def status_alone(daemon, method, path, headers):
    """Without waiting for the end of a body, which may be a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    try:
        body = None if method in ("GET", "HEAD", "DELETE") else b"{}"
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers["WWW-Authenticate"]
    finally:
        connection.close()


def test_every_route_with_every_role(guarded):
    daemon = guarded.daemon
    seen = set()
    for pattern, method in routes(daemon, as_role("read")):
        needed = role_by_contract(pattern, method)
        seen.add(needed)
        for role in RANKS:
            headers = {} if role == "anyone" else as_role(role)
            status, told = status_alone(daemon, method, path_of(pattern), headers)
            where = f"{method} {pattern} as {role}: {status} {told}"
            if RANKS[role] >= RANKS[needed]:
                assert status not in (401, 403) and status < 500 and told is None, where
            elif role == "anyone":
                assert status == 401 and told == 'Bearer realm="relevo"', where
            else:
                assert status == 403 and f'scope="{needed}"' in told, where
    assert seen == set(RANKS)


def test_malformed_credentials_are_400_on_every_route(guarded, api):
    """The client holds each answer against docs/openapi.json."""
    malformed = {"Authorization": "Bearer"}
    for pattern, method in routes(guarded.daemon, as_role("read")):
        if role_by_contract(pattern, method) != "anyone":
            body = None if method in ("GET", "HEAD", "DELETE") else item()
            answer = api.request(method, path_of(pattern), body, malformed)
            assert answer.status == 400, (method, pattern, answer)
            if method != "HEAD":
                challenge(answer, 400, "invalid_request")
    assert api.get("/health", malformed).status == 200


def test_without_a_file_everything_is_open(system, relevo):
    for headers in ({}, bearer("anything"), {"Authorization": "Basic dTpw"}):
        assert relevo.api.get("/items", headers).status == 200
        assert relevo.api.post("/items", item(), headers).status == 201
        assert relevo.api.post("/sync/run", headers=headers).status in (202, 409)


@pytest.mark.parametrize("role", TOKENS)
def test_a_session_tells_the_role(api, role):
    answer = api.get("/session", as_role(role))
    assert answer.status == 200 and answer.json() == {"access": "token", "role": role}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_session_needs_a_token_where_there_are_some(api):
    challenge(api.get("/session"), 401)
    challenge(api.get("/session", bearer("x")), 401, "invalid_token")


def test_a_session_without_a_file_is_open(relevo):
    assert relevo.api.get("/session").json() == {"access": "open", "role": "admin"}


# --- what is refused, and how ---

@pytest.mark.parametrize("authorization, status, error", [
    ("Basic dTpw", 401, None), ("", 401, None), (TOKENS["admin"], 401, None),
    ("Bearer unknown", 401, "invalid_token"), ("Bearer " + TOKENS["admin"][:-1], 401, "invalid_token"),
    ("Bearer " + TOKENS["admin"] + "x", 401, "invalid_token"),
    ("Bearer " + TOKENS["admin"].upper(), 401, "invalid_token"),
    ("Bearer " + TOKENS["admin"] + ":admin", 401, "invalid_token"),
    ("Bearer !!", 401, "invalid_token"), ("Bearer " + "x" * 9000, 401, "invalid_token"),
    ("Bearer", 400, "invalid_request"), ("Bearer a b", 400, "invalid_request"),
    ("Bearer " + TOKENS["admin"] + " x", 400, "invalid_request")])
def test_credentials_that_do_not_do(api, authorization, status, error):
    headers = {"Authorization": authorization}
    challenge(api.get("/items", headers), status, error)
    challenge(api.post("/items", item(), headers), status, error)
    assert api.get("/health", headers).status == 200


def test_two_authorization_headers_are_refused(guarded):
    line = f"Authorization: Bearer {TOKENS['admin']}\r\n"
    answer = raw_exchange(guarded.daemon.port, f"GET /items HTTP/1.1\r\nHost: x\r\n{line}{line}"
                          "Connection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") and b'error="invalid_request"' in answer


def test_the_scheme_is_read_without_regard_to_case(api):
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert api.get("/items", {"Authorization": f"{scheme} {TOKENS['read']}"}).status == 200


def test_a_token_in_the_url_is_none(api):
    challenge(api.get(f"/items?access_token={TOKENS['admin']}"), 401)


def test_a_reader_changes_nothing(system, api):
    challenge(api.post("/items", item(), as_role("read")), 403, "insufficient_scope", "write")
    assert api.post("/items", item(), as_role("write")).status == 201
    challenge(api.patch("/items/1", {"area": "x"}, as_role("read")), 403, "insufficient_scope", "write")
    challenge(api.delete("/items/1", as_role("read")), 403, "insufficient_scope", "write")
    challenge(api.post("/sync/run", headers=as_role("write")), 403, "insufficient_scope", "admin")
    assert api.get("/items/1", as_role("read")).data["version"] == 1
    assert list(system.mysql.items()) == [1]


def test_a_readers_key_is_no_way_to_a_writers_answer(api):
    key = {"Idempotency-Key": "k-1"}
    assert api.post("/items", item(), as_role("write", **key)).status == 201
    refused = api.post("/items", item(), as_role("read", **key))
    challenge(refused, 403, "insufficient_scope", "write")
    assert b"PC-01" not in refused.body
    challenge(api.post("/items", item(code="PC-02"), key), 401)
    assert api.post("/items", item(), as_role("write", **key)).data["id"] == 1


def test_a_refusal_comes_before_anything_is_said_of_the_body(api):
    """Neither its type, its size nor what stands in it is looked at."""
    for body, headers in ((b"{", {}), (b"x", {"Content-Type": "text/plain"}), (b"x" * 200_000, {})):
        challenge(api.request("POST", "/items", body, headers), 401)
        challenge(api.request("POST", "/items", body, as_role("read", **headers)), 403,
                  "insufficient_scope", "write")
        assert api.request("POST", "/items", body, as_role("write", **headers)).status in (400, 413, 415)


def test_a_refused_request_does_not_cost_the_connection(guarded):
    """All of it over one connection; a body that was not wanted is not taken for the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", guarded.daemon.port, timeout=30)
    connection.connect()
    sock = connection.sock
    for headers, status in (({}, 401), (bearer("x"), 401), ({"Authorization": "Bearer"}, 400),
                            (as_role("read"), 403), (as_role("write"), 201)):
        for body in (json.dumps(item()), iter([json.dumps(item()).encode()])):
            chunked = not isinstance(body, str)
            connection.request("POST", "/items", body,
                               {"Content-Type": "application/json", **headers},
                               encode_chunked=chunked)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status and connection.sock is sock
    connection.close()


def test_who_waits_for_leave_to_send_gets_the_refusal_instead(guarded):
    head = ("POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n").encode()
    answer = raw_exchange(guarded.daemon.port, head, finish=False)
    assert answer.startswith(b"HTTP/1.1 401 ") and b"100 Continue" not in answer


def test_unknown_paths_and_methods_are_told_to_anybody(api):
    expect_problem(api.get("/no/such/thing"), 404)
    answer = api.post("/instances")
    expect_problem(answer, 405)
    assert answer.headers["WWW-Authenticate"] is None
    assert api.request("OPTIONS", "/items").status == 204


def test_head_is_answered_like_get(api):
    assert api.request("HEAD", "/items").status == 401
    assert api.request("HEAD", "/items", headers=as_role("read")).status == 200


def test_refusals_are_counted(guarded, api):
    api.get("/items")
    api.get("/items", bearer("x"))
    api.post("/items", item(), as_role("read"))
    lines = dict(line.rsplit(" ", 1) for line in
                 api.get("/metrics", as_role("read")).body.decode().splitlines() if line[0] != "#")
    for method, code, count in (("GET", 401, 2), ("POST", 403, 1)):
        name = f'relevo_http_requests_total{{route="/items",method="{method}",code="{code}"}}'
        assert lines[name] == str(count)


def test_offline_writes_are_guarded_too(system, guarded, api):
    system.mysql_down()
    challenge(api.post("/items", item(), as_role("read")), 403, "insufficient_scope", "write")
    assert api.post("/items", item(), as_role("write")).status == 202
    system.redis_down()
    challenge(api.post("/items", item()), 401)
    assert api.post("/items", item(), as_role("write")).status == 503


# --- SIGHUP ---

def test_a_reload_takes_what_the_file_says_now(guarded, api):
    guarded.write("fresh:read\n" + TOKENS["write"] + ":admin\n")
    assert api.get("/items", bearer("fresh")).status == 401
    guarded.reload("tokens in", ": 2")
    assert api.get("/items", bearer("fresh")).status == 200
    assert api.get("/session", as_role("write")).json()["role"] == "admin"
    challenge(api.get("/items", as_role("read")), 401, "invalid_token")
    challenge(api.get("/items", as_role("admin")), 401, "invalid_token")


@pytest.mark.parametrize("text", ["", "# nobody\n", "sesame:read\nsesame2:root\n", "sesame", None])
def test_a_bad_file_at_a_reload_keeps_the_old_tokens(guarded, api, text):
    if text is None:
        os.unlink(guarded.path)
    else:
        guarded.write(text)
    guarded.reload(" ERROR ", guarded.path)
    assert "sesame" not in guarded.daemon.log()
    for role in TOKENS:
        assert api.get("/session", as_role(role)).json()["role"] == role
    assert api.get("/items", bearer("sesame")).status == 401
    guarded.write("fresh:read")
    guarded.reload("tokens in", ": 1")
    assert api.get("/items", bearer("fresh")).status == 200


def test_a_pipe_in_its_place_does_not_hold_up_the_daemon(guarded, api):
    os.unlink(guarded.path)
    os.mkfifo(guarded.path)
    guarded.reload(" ERROR ", guarded.path)
    assert api.get("/items", as_role("read")).status == 200
    guarded.daemon.stop()


def test_a_restart_reads_the_file_and_refuses_a_bad_one(guarded):
    daemon = guarded.daemon
    daemon.stop()
    daemon.start()
    assert daemon.api.get("/items", as_role("read")).status == 200
    daemon.stop()
    guarded.write("sesame:root")
    done = run(guarded.path)
    assert done.returncode == 2 and "line 1:" in done.stderr and "sesame" not in done.stderr


def test_a_request_under_way_is_not_disturbed_by_a_reload(system, guarded, api):
    """A write that waits for a row lock is answered, though its token has gone meanwhile."""
    api.post("/items", item(), as_role("write"))
    lock = system.mysql.connect(autocommit=False)
    lock.cursor().execute("SELECT * FROM items WHERE id=1 FOR UPDATE")
    answers = []
    writer = threading.Thread(target=lambda: answers.append(
        api.patch("/items/1", {"area": "x"}, as_role("write"))))
    writer.start()
    # It is in flight besides the request for the metrics itself.
    wait_until(lambda: "\nrelevo_http_requests_in_flight 2\n" in
               api.get("/metrics", as_role("read")).body.decode(), 5, "the write is in flight")
    guarded.write(TOKENS["read"] + ":read\n")
    guarded.reload("tokens in", ": 1")
    writer.join(timeout=20)
    lock.rollback()
    lock.close()
    assert answers and answers[0].status in (200, 202), answers
    challenge(api.patch("/items/1", {"area": "y"}, as_role("write")), 401, "invalid_token")


@pytest.mark.threads
def test_no_request_fails_while_the_file_is_read_again_and_again(system, guarded):
    """Two tokens stand in every version of the file; one more comes and goes."""
    halt = threading.Event()
    faults, counts = [], []

    def ask(n):
        client = Client(guarded.daemon.port)
        count = 0
        while not halt.is_set() and not faults:
            count += 1
            try:
                answers = [(200, client.get("/items", as_role("read"))),
                           (201, client.post("/items", item(code=f"C-{n}-{count}"), as_role("write"))),
                           (403, client.post("/items", item(), as_role("read"))),
                           (401, client.get("/items", bearer("nobody")))]
                faults.extend(answer for status, answer in answers if answer.status != status)
            except Exception as fault:  # shown below
                faults.append(fault)
        counts.append(count)
        client.close()
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    both = f"{TOKENS['read']}:read\n{TOKENS['write']}:write\n"
    for n in range(60):
        guarded.write(both if n % 2 else "guest:admin\n" * (n % 3 > 0) + both + "#" * n)
        guarded.reload("tokens in")
    halt.set()
    for thread in threads:
        thread.join(timeout=60)
    assert not faults, faults[:3]
    assert len(counts) == 4 and all(counts)
    assert len(system.mysql.items()) == sum(counts)
