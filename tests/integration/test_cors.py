"""CORS: what pages of other origins may do and see (Fetch standard)."""
import subprocess

import pytest

from harness import expect_problem, item, raw_exchange
from harness.relevo import daemon_environment, relevod_path

PAGE = "https://panel.example"
OTHER = "http://localhost:5173"
LIST = f"{PAGE}, {OTHER}"
CORS = ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Credentials")
EXPOSED = {"etag", "location", "retry-after", "x-request-id"}
ALLOWED = {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key",
           "x-request-id", "cache-control"}


def listed(text):
    return {name.strip().lower() for name in (text or "").split(",")} - {""}


def origin(value, **more):
    return {"Origin": value, **more}


def preflight(api, path, method="PUT", page=PAGE):
    return api.request("OPTIONS", path, headers=origin(page, **{
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type"}))


def assert_shown(answer, to=PAGE):
    assert answer.headers.get_all("Access-Control-Allow-Origin") == [to], answer.headers
    assert listed(answer.headers["Access-Control-Expose-Headers"]) == EXPOSED
    assert answer.headers["Access-Control-Allow-Credentials"] is None


def assert_hidden(answer):
    assert not [name for name in CORS if answer.headers[name]], answer.headers


def assert_varies(answer):
    assert "origin" in listed(answer.headers["Vary"])


@pytest.fixture
def with_list(system):
    return system.start(RELEVO_CORS_ORIGINS=LIST)


def answers(api, headers):
    """One of each kind: read, written, not modified, and every sort of refusal."""
    created = api.post("/items", item(), headers)
    etag = api.get("/items/1", headers).etag
    yield 201, created
    yield 200, api.get("/items", headers)
    yield 200, api.request("HEAD", "/items", headers=headers)
    yield 200, api.get("/health", headers)
    yield 200, api.get("/metrics", headers)
    yield 304, api.get("/items/1", {**headers, "If-None-Match": etag})
    yield 404, api.get("/items/77", headers)
    yield 404, api.get("/no/such/path", headers)
    yield 405, api.post("/instances", headers=headers)
    yield 412, api.patch("/items/1", {"area": "x"}, {**headers, "If-Match": '"other"'})
    yield 413, api.post("/items", b"x" * 100_000, headers)
    yield 415, api.post("/items", b"{}", {**headers, "Content-Type": "text/plain"})
    yield 422, api.post("/items", {}, headers)
    yield 400, api.post("/items", b"{", headers)
    yield 431, api.get("/items", {**headers, "X-Long": "x" * 17_000})


@pytest.mark.parametrize("page", [PAGE, OTHER])
def test_pages_of_the_list_see_every_answer(with_list, page):
    for status, answer in answers(with_list.api, origin(page)):
        assert answer.status == status, answer
        assert_shown(answer, page)
        assert_varies(answer)


@pytest.mark.parametrize("page", [None, "https://evil.example", "null", "https://panel.example.evil",
                                  "http://panel.example", "https://panel.example:8443", "*",
                                  "https://PANEL.example", f"{PAGE},{OTHER}", f"{PAGE}/"])
def test_pages_of_other_origins_see_none(with_list, page):
    for status, answer in answers(with_list.api, origin(page) if page else {}):
        assert answer.status == status, answer
        assert_hidden(answer)
        assert_varies(answer)


def test_an_origin_given_twice_is_none(with_list):
    answer = raw_exchange(with_list.port, f"GET /health HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\n"
                          f"Origin: {PAGE}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ") and b"Access-Control" not in answer


def test_answers_that_close_the_connection_are_seen_too(with_list):
    for request in (f"GET /items HTTP/1.1\r\nHost: x\r\nHost: y\r\nOrigin: {PAGE}\r\n\r\n",
                    f"POST /items HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\nContent-Length: 99999999\r\n"
                    "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"):
        answer = raw_exchange(with_list.port, request.encode())
        assert answer.startswith(b"HTTP/1.1 4"), answer
        assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in answer


@pytest.mark.parametrize("path, methods", [
    ("/items", "GET HEAD POST"), ("/items/1", "GET HEAD PUT PATCH DELETE"), ("/health", "GET HEAD"),
    ("/sync/run", "POST"), ("/sync/dead/x", "DELETE"), ("/sync/dead/x/retry", "POST")])
def test_a_preflight_names_the_methods_of_the_path(with_list, path, methods):
    answer = preflight(with_list.api, path)
    assert answer.status == 204 and answer.body == b""
    assert_shown(answer)
    assert_varies(answer)
    assert listed(answer.headers["Access-Control-Allow-Methods"]) - {"options"} == \
        set(methods.lower().split())
    assert listed(answer.headers["Access-Control-Allow-Headers"]) == ALLOWED
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_from_elsewhere_is_a_plain_answer(with_list):
    answer = preflight(with_list.api, "/items", page="https://evil.example")
    assert answer.status == 204 and "POST" in answer.headers["Allow"]
    assert_hidden(answer)
    assert_varies(answer)


def test_options_without_the_method_asked_for_is_no_preflight(with_list):
    answer = with_list.api.request("OPTIONS", "/items", headers=origin(PAGE))
    assert answer.status == 204
    assert_shown(answer)
    assert answer.headers["Access-Control-Allow-Methods"] is None


def test_a_preflight_of_an_unknown_path_is_not_found(with_list):
    answer = preflight(with_list.api, "/no/such/path")
    expect_problem(answer, 404)
    assert answer.headers["Access-Control-Allow-Methods"] is None


def test_star_shows_everything_to_all_and_varies_with_nothing(system):
    relevo = system.start(RELEVO_CORS_ORIGINS="*")
    for headers in ({}, origin("null")):
        answer = relevo.api.get("/items", headers)
        assert_shown(answer, "*")
        assert answer.headers["Vary"] is None
    answer = preflight(relevo.api, "/items", page="https://any.example")
    assert_shown(answer, "*")
    assert listed(answer.headers["Access-Control-Allow-Headers"]) == ALLOWED


def test_without_a_list_there_is_no_cors(relevo):
    for answer in (relevo.api.get("/items", origin(PAGE)), preflight(relevo.api, "/items")):
        assert_hidden(answer)
        assert answer.headers["Vary"] is None


def test_refused_tokens_are_seen_and_preflights_need_none(system, tmp_path):
    (tmp_path / "tokens").write_text("r-1:read\n", encoding="ascii")
    relevo = system.start(RELEVO_CORS_ORIGINS=LIST, RELEVO_TOKEN_FILE=str(tmp_path / "tokens"))
    reader = {"Authorization": "Bearer r-1"}
    for status, answer in ((401, relevo.api.get("/items", origin(PAGE))),
                           (403, relevo.api.post("/items", item(), origin(PAGE, **reader))),
                           (200, relevo.api.get("/session", origin(PAGE, **reader)))):
        assert answer.status == status
        assert_shown(answer)
    assert preflight(relevo.api, "/items").status == 204


def test_both_servers_down_is_seen(system, with_list):
    system.mysql_down()
    system.redis_down()
    answer = with_list.api.post("/items", item(), origin(PAGE))
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert_shown(answer)


def test_pages_of_other_sites_change_nothing(system):
    """A POST without a body needs no preflight: any page could send it."""
    api = system.start().api
    api.post("/items", item())
    cross = origin("https://evil.example", **{"Sec-Fetch-Site": "cross-site"})
    for method, path in (("POST", "/sync/run"), ("POST", "/items"), ("DELETE", "/items/1"),
                         ("DELETE", "/sync/dead/x"), ("POST", "/sync/dead/x/retry")):
        answer = api.request(method, path, headers=cross)
        expect_problem(answer, 403)
        assert answer.json()["type"].endswith(":cross-site")
    assert api.get("/items/1", cross).status == 200
    for site in ("same-origin", "same-site", "none"):
        assert api.post("/sync/run", headers={"Sec-Fetch-Site": site}).status in (202, 409)


def test_pages_of_the_list_may_change_things(with_list):
    cross = origin(PAGE, **{"Sec-Fetch-Site": "cross-site"})
    assert with_list.api.post("/items", item(), cross).status == 201
    cross["Origin"] = "https://evil.example"
    expect_problem(with_list.api.post("/items", item(), cross), 403)


@pytest.mark.parametrize("value", ["https://a/", "https://a/path", "a.example", "https://", "null",
                                   "https://a,", "*,https://a", "https://u@a", "https://a:99999",
                                   "https://*.a"])
def test_a_bad_origin_ends_the_start(value):
    done = subprocess.run([relevod_path()], text=True, capture_output=True, timeout=20,
                          env=daemon_environment({"RELEVO_CORS_ORIGINS": value}))
    line, = done.stderr.splitlines()
    assert done.returncode == 2 and f"RELEVO_CORS_ORIGINS={value}: " in line and "accepted: " in line


def test_origins_are_compared_as_browsers_write_them(system):
    relevo = system.start(RELEVO_CORS_ORIGINS="HTTPS://Panel.Example:443")
    assert_shown(relevo.api.get("/health", origin(PAGE)))
