"""Bad input: the right 4xx, every faulty field named, nothing written, nobody crashed."""
import json
import socket
import threading
import time

import pytest

from harness import SLOW, expect_problem, item, raw_exchange

pytestmark = pytest.mark.xdist_group("validation")  # one daemon serves them all
ALL = ["code", "type", "status", "area"]


def without(*names):
    return {key: value for key, value in item().items() if key not in names}


def nested(depth):
    """A body whose unknown member nests arrays, `depth` levels with the object itself."""
    inner = "[" * (depth - 1) + "]" * (depth - 1)
    return (json.dumps(item())[:-1] + ',"x":' + inner + "}").encode()


def with_raw(field, raw):
    """A body with the raw bytes as the string's content."""
    return json.dumps(item(**{field: "@@"})).encode().replace(b"@@", raw)


# name: (body, faulty fields)
INVALID = {
    "nothing": ({}, ALL),
    "no code": (without("code"), ["code"]),
    "no type": (without("type"), ["type"]),
    "no status": (without("status"), ["status"]),
    "no area": (without("area"), ["area"]),
    "two missing": (without("code", "area"), ["code", "area"]),
    "empty": (item(code="", type="", status="", area=""), ALL),
    "51 characters": (item(code="x" * 51, type="y" * 51, status="z" * 51),
                      ["code", "type", "status"]),
    "101 characters": (item(area="x" * 101), ["area"]),
    "51 characters beyond the BMP": (item(code="😀" * 51), ["code"]),
    "numbers": (item(code=1, type=2.5, status=-3, area=0), ALL),
    "nulls": (item(code=None, type=None, status=None, area=None), ALL),
    "booleans": (item(code=True, area=False), ["code", "area"]),
    "lists and objects": (item(code=[], type={}, status=["x"], area={"a": 1}), ALL),
    "no such day": (item(acquisition_date="2024-02-30"), ["acquisition_date"]),
    "no leap year": (item(acquisition_date="2023-02-29"), ["acquisition_date"]),
    "no leap century": (item(acquisition_date="1900-02-29"), ["acquisition_date"]),
    "no such month": (item(acquisition_date="2024-13-01"), ["acquisition_date"]),
    "month zero": (item(acquisition_date="2024-00-10"), ["acquisition_date"]),
    "day zero": (item(acquisition_date="2024-01-00"), ["acquisition_date"]),
    "short date": (item(acquisition_date="2024-1-1"), ["acquisition_date"]),
    "two-digit year": (item(acquisition_date="24-01-01"), ["acquisition_date"]),
    "date and time": (item(acquisition_date="2024-01-01T00:00:00"), ["acquisition_date"]),
    "empty date": (item(acquisition_date=""), ["acquisition_date"]),
    "blank before the date": (item(acquisition_date=" 2024-01-01"), ["acquisition_date"]),
    "date with slashes": (item(acquisition_date="2024/01/01"), ["acquisition_date"]),
    "date in other digits": (item(acquisition_date="２０２４-01-01"), ["acquisition_date"]),
    "date as a number": (item(acquisition_date=20240101), ["acquisition_date"]),
    "date as a boolean": (item(acquisition_date=False), ["acquisition_date"]),
    "unknown field": (item(extra=1), ["extra"]),
    "unknown fields": (item(extra=1, Code="x", código="y"), ["extra", "Code", "código"]),
    "field with an empty name": (item(**{"": 1}), [""]),
    "id in a create": (item(id=1), ["id"]),
    "version in a create": (item(version=1), ["version"]),
    "time in a create": (item(updated_at="2024-01-01T00:00:00Z"), ["updated_at"]),
    "pending in a create": (item(pending=True), ["pending"]),
    "everything at once": ({"code": "", "type": 5, "status": "x" * 51, "acquisition_date": "x",
                            "foo": []}, ["code", "type", "status", "area", "acquisition_date",
                                         "foo"]),
    "NUL escaped": (with_raw("code", rb"a\u0000b"), ["code"]),
    "duplicate key": (json.dumps(item())[:-1].encode() + b',"area":"again"}', ["area"]),
    "duplicate key, escaped": (json.dumps(item())[:-1].encode() + rb',"c\u006fde":"again"}',
                               ["code"]),
    "invalid UTF-8 in a value": (with_raw("area", b"a\xffb"), ["area"]),
    "overlong UTF-8": (with_raw("area", b"\xc0\xaf"), ["area"]),
    "surrogate in UTF-8": (with_raw("area", b"\xed\xa0\x80"), ["area"]),
    "beyond Unicode": (with_raw("area", b"\xf4\x90\x80\x80"), ["area"]),
    "UTF-8 cut short": (with_raw("area", b"\xe2\x82"), ["area"]),
    "60 levels": (nested(60), ["x"]),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_create_names_every_faulty_field(shared, name):
    body, fields = INVALID[name]
    expect_problem(shared.api.post("/items", body), 422, fields)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b"[{}]"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_json_that_is_no_object_is_422(shared, keeper, method, body):
    path = "/items" if method == "POST" else keeper
    expect_problem(shared.api.request(method, path, body), 422)


MALFORMED = {
    "empty": b"", "blank": b"  \n", "brace": b"{", "cut": json.dumps(item()).encode()[:-1],
    "cut in a string": b'{"code":"PC', "single quotes": b"{'code':'x'}", "bare word": b"{code:1}",
    "trailing comma": b'{"code":"x",}', "two values": b"{}{}", "garbage behind": b"{} x",
    "comment": b'{/*x*/"code":"x"}', "NaN": b'{"code":NaN}', "Infinity": b'{"code":Infinity}',
    "leading zero": b'{"code":01}', "plus": b'{"code":+1}', "bad escape": rb'{"code":"\x41"}',
    "short escape": rb'{"code":"\u12"}', "lone high surrogate": rb'{"code":"\ud800"}',
    "lone low surrogate": rb'{"code":"\udc00"}', "two high surrogates": rb'{"code":"\ud800\ud800"}',
    "raw newline": b'{"code":"a\nb"}', "raw control": b'{"code":"a\x01b"}',
    "raw NUL": b'{"code":"a\x00b"}', "NUL behind": b"{}\x00", "70 levels": nested(70),
    "20,000 levels": b"[" * 20000 + b"]" * 20000, "30,000 open": b'{"a":' * 12000,
    "colon missing": b'{"code" "x"}', "only a colon": b":", "no JSON": b"code=PC-01&type=x",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_400(shared, name):
    expect_problem(shared.api.post("/items", MALFORMED[name]), 400)


@pytest.mark.parametrize("name, change", {
    "50 characters": {"code": "x" * 50, "type": "y" * 50, "status": "z" * 50},
    "100 characters": {"area": "a" * 100}, "one character": {"code": "x", "area": "y"},
    "50 beyond the BMP": {"code": "😀" * 50}, "100 beyond the BMP": {"area": "😀" * 100},
    "leap day": {"acquisition_date": "2024-02-29"}, "leap century": {"acquisition_date": "2000-02-29"},
    "long ago": {"acquisition_date": "1900-01-01"}, "far ahead": {"acquisition_date": "9999-12-31"},
    "no date": {"acquisition_date": None}}.items())
def test_the_bounds_themselves_are_fine(shared, name, change):
    answer = shared.api.post("/items", item(**change))
    assert answer.status == 201, (name, answer)
    assert shared.api.get(f"/items/{answer.data['id']}", {"Cache-Control": "no-cache"}).data \
        == answer.data


def test_escaped_surrogate_pair_is_one_character(shared):
    answer = shared.api.post("/items", with_raw("code", rb"\ud83d\ude00"))
    assert answer.status == 201 and answer.data["code"] == "😀"


@pytest.fixture(scope="module")
def keeper(shared):
    """The path of an item that no test manages to change."""
    made = shared.api.post("/items", item(code="KEEPER")).data
    yield f"/items/{made['id']}"
    assert shared.api.get(f"/items/{made['id']}").data == made


@pytest.mark.parametrize("name", [name for name in INVALID if " in a create" not in name])
def test_invalid_replace_names_every_faulty_field(shared, keeper, name):
    body, fields = INVALID[name]
    expect_problem(shared.api.put(keeper, body), 422, fields)


@pytest.mark.parametrize("body, fields", [
    ({"code": ""}, ["code"]), ({"area": "x" * 101}, ["area"]), ({"code": None}, ["code"]),
    ({"acquisition_date": "2024-02-30"}, ["acquisition_date"]), ({"extra": 1}, ["extra"]),
    ({"code": 1, "type": "ok", "status": [], "nope": 0}, ["code", "status", "nope"]),
    (b'{"area":"a","area":"b"}', ["area"]), (rb'{"area":"\u0000"}', ["area"])])
def test_invalid_patch_names_every_faulty_field(shared, keeper, body, fields):
    expect_problem(shared.api.patch(keeper, body), 422, fields)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("name", ["empty", "cut", "70 levels", "lone high surrogate"])
def test_malformed_change_is_400(shared, keeper, method, name):
    expect_problem(shared.api.request(method, keeper, MALFORMED[name]), 400)


def test_many_faults_are_all_listed(shared):
    body = {f"x{n}": n for n in range(40)}
    expect_problem(shared.api.post("/items", body), 422, ALL + list(body))


def test_of_too_many_faults_the_last_one_says_how_many_more_there_are(shared):
    body = {f"x{n}": n for n in range(100)}
    problem = expect_problem(shared.api.post("/items", body), 422, ALL + list(body)[:60] + [""])
    assert problem["errors"][-1] == {"field": "", "message": "40 more are not listed"}
    assert "(and 103 more)" in problem["detail"]


# --- around the body ---

@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "application/xml",
                                  "application/jsonx", "text/json/application"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_wrong_content_type_is_415(shared, keeper, method, kind):
    path = "/items" if method == "POST" else keeper
    expect_problem(shared.api.request(method, path, item(), {"Content-Type": kind}), 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "Application/JSON;charset=UTF-8", 'application/json;charset="utf-8"'])
def test_json_content_types_are_fine(shared, kind):
    assert shared.api.post("/items", item(), {"Content-Type": kind}).status == 201


def padded(size):
    body = json.dumps(item()).encode()
    return body + b" " * (size - len(body))


def test_body_at_the_limit_is_read(shared):
    assert shared.api.post("/items", padded(65536)).status == 201


def refused(answer, status):
    """A raw answer that is a problem document with this status."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert b"\r\nContent-Type: application/problem+json\r\n" in head, answer[:300]
    assert json.loads(body)["status"] == status


def test_body_over_the_limit_is_413(shared):
    answer = raw_exchange(shared.port, b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: "
                          b"application/json\r\nConnection: close\r\nContent-Length: 65537\r\n\r\n"
                          + padded(65537), finish=False)
    refused(answer, 413)


def test_announced_huge_body_is_413_before_it_is_sent(shared):
    answer = raw_exchange(shared.port, b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: "
                          b"application/json\r\nConnection: close\r\n"
                          b"Content-Length: 99999999999\r\n\r\n{", finish=True)
    refused(answer, 413)


def chunked(body, size=1000):
    parts = [body[n:n + size] for n in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


CHUNKED = (b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
           b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_chunked_body_is_read(shared):
    answer = raw_exchange(shared.port, CHUNKED + chunked(json.dumps(item()).encode(), 7),
                          finish=False)
    assert answer.startswith(b"HTTP/1.1 201 "), answer[:300]


def test_chunked_body_over_the_limit_is_413(shared):
    answer = raw_exchange(shared.port, CHUNKED + chunked(padded(70000)), finish=False)
    refused(answer, 413)


@pytest.mark.parametrize("length", [17000, 30000, 55000])
def test_headers_over_the_limit_are_431(shared, length):
    answer = raw_exchange(shared.port, b"GET /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                          b"X-Long: " + b"x" * length + b"\r\n\r\n", finish=False)
    refused(answer, 431)


def test_many_small_headers_over_the_limit_are_431(shared):
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 90) for n in range(250))
    answer = raw_exchange(shared.port, b"GET /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                          + lines + b"\r\n", finish=False)
    refused(answer, 431)


@pytest.mark.parametrize("headers", [
    {"X-Long": "x" * 16000}, {f"X-{n:03}": "y" * 90 for n in range(140)},
    {f"x{n}": "y" for n in range(600)}], ids=["one", "many", "tiny"])
def test_headers_within_the_limit_are_read(shared, headers):
    assert shared.api.get("/health", headers).status == 200


def test_very_long_path_is_refused(shared):
    answer = raw_exchange(shared.port, b"GET /items/" + b"1" * 40000 + b" HTTP/1.1\r\nHost: x\r\n"
                          b"Connection: close\r\n\r\n", finish=False)
    refused(answer, 431)


START = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("status, request_", [
    (414, b"GET /items/" + b"1" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    (431, START + b"X-Long: " + b"x" * 100000 + b"\r\n\r\n"),
    (400, START + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    (400, START + b"Content-Length: -2\r\n\r\n"),
    (413, START + b"Content-Length: 99999999999999999999999\r\n\r\n")])
def test_what_the_http_library_cannot_read_it_refuses_itself(shared, status, request_):
    """No problem document, as docs/http.md says: the daemon's own code does not hear of it."""
    answer = raw_exchange(shared.port, request_, finish=False)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]


@pytest.mark.parametrize("method, path, allowed", [
    ("PUT", "/items", {"GET", "POST"}), ("DELETE", "/items", {"GET", "POST"}),
    ("PATCH", "/items", {"GET", "POST"}),
    ("POST", "/items/1", {"GET", "PUT", "PATCH", "DELETE"}),
    ("POST", "/health", {"GET"}), ("DELETE", "/health", {"GET"}), ("PUT", "/sync/status", {"GET"}),
    ("GET", "/sync/run", {"POST"}), ("POST", "/sync/dead", {"GET"}), ("POST", "/instances", {"GET"}),
    ("DELETE", "/metrics", {"GET"}), ("PUT", "/operations/x", {"GET"}), ("BREW", "/items", {"GET"}),
    ("TRACE", "/items", {"GET"}), ("get", "/items", {"GET"})])
def test_wrong_method_is_405_with_allow(shared, method, path, allowed):
    answer = shared.api.request(method, path, item() if method in ("PUT", "PATCH") else None)
    expect_problem(answer, 405)
    named = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed <= named and method not in named


@pytest.mark.parametrize("path", ["/nope", "/items/1/x", "/sync", "/sync/nope", "/sync/dead/x/y",
                                  "/item", "/ITEMS", "/operations/", "/health/x"])
def test_unknown_path_is_404(shared, path):
    expect_problem(shared.api.get(path), 404)


@pytest.mark.parametrize("query", ["q=%00", "q=" + "x" * 4000, "q=%F0%9F%98%80", "code=%", "&&&", "=",
                                   "q", "limit=1&after=%25%25", "a" * 5000 + "=1", "q=%ED%A0%80"])
def test_odd_query_is_answered(shared, query):
    assert shared.api.get(f"/items?{query}").status in (200, 400)


# --- the wire ---

def test_announced_body_that_never_comes_writes_nothing(shared):
    before = shared.api.get("/items").json()["total"]
    body = json.dumps(item(code="HALF")).encode()
    raw_exchange(shared.port, b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
                 b"\r\nContent-Length: %d\r\n\r\n" % (len(body) + 10) + body)
    assert shared.api.get("/items").json()["total"] == before
    assert shared.api.get("/items?code=HALF").data == []


def test_two_requests_in_one_packet_get_two_answers(shared):
    one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert raw_exchange(shared.port, one + two, finish=False).count(b"HTTP/1.1 200 ") == 2


def test_request_byte_by_byte_is_read(shared):
    body = json.dumps(item(code="SLOWLY")).encode()
    request = (b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(request)):
            peer.sendall(request[n:n + 1])
        assert peer.recv(65536).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("garbage", [
    b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\r\n\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"GET /items HTTP/1.1\r\n\r\n", b"POST /items HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: -5\r\n\r\n", b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"POST /items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /items HTTP/1.1\r\nHost: x\r\n: nothing\r\n\r\n", b"GET /items\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /items HTTP/1.1\nHost: x\n\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /items HTTP/1.1\r\nHost: x\r\nIf-None-Match: " + b'"' * 5000 + b"\r\n\r\n"])
def test_garbage_on_the_wire_hurts_nobody(shared, garbage):
    raw_exchange(shared.port, garbage)
    assert shared.api.get("/health").status == 200


def test_random_bytes_on_the_wire_hurt_nobody(shared, rng):
    start = (b"POST /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
             b"Content-Type: application/json\r\nContent-Length: 200")
    for _ in range(60):
        data = bytearray(start + b"\r\n\r\n" + json.dumps(item()).encode().ljust(200))
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        raw_exchange(shared.port, bytes(data))
    assert shared.api.get("/health").status == 200


def test_a_half_closed_connection_is_closed(shared):
    """Whenever the client's FIN arrives: at the latest as a slow client, else it leaks for ever."""
    body = b"{}".ljust(200)
    for path in (b"/nope", b"/items"):
        request = (b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   b"Content-Length: 200\r\n\r\n" % path + body)
        for _ in range(100):
            assert raw_exchange(shared.port, request, timeout=15)


def test_random_bodies_get_201_or_4xx(shared, rng):
    good = json.dumps(item(code="FUZZ"), ensure_ascii=False).encode()
    for _ in range(300):
        body = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(body))
            body[at:at + rng.randrange(3)] = bytes(rng.randrange(256)
                                                   for _ in range(rng.randrange(3)))
        answer = shared.api.post("/items", bytes(body))
        assert answer.status in (201, 400, 422), (bytes(body), answer)


def test_slow_clients_are_cut_after_10_s(shared):
    """Three kinds of them at once, while others are served."""
    starts = {"silent": b"", "in the headers": b"GET /items HTTP/1.1\r\nHost: x\r\nX-",
              "in the body": b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                             b"Content-Length: 100\r\n\r\n{"}
    took = {}

    def dawdle(name):
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", shared.port), timeout=40) as peer:
            peer.sendall(starts[name])
            try:
                while peer.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        took[name] = time.monotonic() - started
    threads = [threading.Thread(target=dawdle, args=(name,)) for name in starts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert shared.api.get("/health").status == 200
        time.sleep(0.2)
    assert all(9 <= seconds <= 16 * SLOW for seconds in took.values()), took


def test_drip_feeding_does_not_keep_a_connection(shared):
    """A byte now and then does not start the 10 seconds again for ever."""
    with socket.create_connection(("127.0.0.1", shared.port), timeout=40) as peer:
        started = time.monotonic()
        peer.sendall(b"GET /items HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        try:
            while time.monotonic() - started < 30:
                peer.sendall(b"x")
                time.sleep(0.5)
        except OSError:
            return
    pytest.fail("still open after 30 s of dripping")


def test_nothing_of_all_this_was_logged_as_an_error(shared):
    assert shared.log_lines(" ERROR ") == []
