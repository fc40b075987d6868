"""GET /openapi.json, and whether it says what the daemon does."""
import json
import os
import re
from urllib.parse import urlencode

import pytest

from harness import item, wait_until
from harness.openapi import PATH, NotingClient, judge

ROUTES = os.path.join(os.path.dirname(os.path.dirname(PATH)), "src", "http", "routes.c")
UNKNOWN = "0197f3a2-5b1c-7d3e-8f00-1a2b3c4d5e6f"
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture(scope="module")
def openapi():
    return judge.openapi


@pytest.fixture
def checked(relevo):
    return NotingClient(relevo.api)


def test_it_is_served(relevo, openapi):
    answer = relevo.api.get("/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json() == openapi.document
    again = relevo.api.get("/openapi.json", {"If-None-Match": answer.etag})
    assert (again.status, again.body, again.etag) == (304, b"", answer.etag)
    head = relevo.api.request("HEAD", "/openapi.json")
    assert (head.status, head.body, head.etag) == (200, b"", answer.etag)
    assert head.headers["Content-Length"] == str(len(answer.body))


def test_every_route_is_described_and_every_description_answers(relevo, openapi):
    """An OPTIONS names the methods of a path: they are those of the document."""
    for path, described in openapi.document["paths"].items():
        answer = relevo.api.request("OPTIONS", path.replace("{id}", "1").replace("{op}", UNKNOWN))
        assert answer.status == 204, (path, answer)
        allowed = {name.lower() for name in answer.headers["Allow"].split(", ")}
        assert allowed - {"head", "options"} == set(described), path


def test_no_route_is_left_out(openapi):
    with open(ROUTES, encoding="utf-8") as file:
        patterns = set(re.findall(r'^\t{ "(/[^"]*)"', file.read(), re.MULTILINE))
    assert len(patterns) > 10 and patterns <= set(openapi.document["paths"])


def every_example(openapi):
    """(schema, example, where) of requests, answers and schemas."""
    document = openapi.document
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            yield schema, example, name
    for path, described in document["paths"].items():
        for method in METHODS:
            operation = described.get(method, {})
            answers = [openapi.resolve(answer) for answer in operation.get("responses", {}).values()]
            for holder in [*answers, operation.get("requestBody", {})]:
                for kind, content in holder.get("content", {}).items():
                    if kind.endswith("json"):
                        yield content["schema"], content["example"], f"{method} {path}"
    for kind in ("parameters", "headers"):
        for name, holder in document["components"][kind].items():
            for example in examples_of(holder):
                yield holder["schema"], example, name


# What the compiled validators, of draft 7, read as JSON Schema 2020-12 does.
KEYWORDS = {"$ref", "type", "properties", "required", "additionalProperties", "items", "oneOf",
            "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum",
            "minItems", "description", "examples", "default"}


def keywords_of(schema):
    yield from schema
    # Draft 7 reads nothing beside a reference; a description may stand there.
    assert "$ref" not in schema or set(schema) <= {"$ref", "description"}, schema
    for below in [*schema.get("properties", {}).values(), *schema.get("oneOf", []),
                  schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(below, dict):
            yield from keywords_of(below)


def test_the_schemas_mean_the_same_in_draft_7(openapi):
    for schema in openapi.document["components"]["schemas"].values():
        assert set(keywords_of(schema)) <= KEYWORDS


def test_every_example_fits_its_schema(openapi):
    examples = list(every_example(openapi))
    assert len(examples) > 50
    for schema, example, where in examples:
        openapi.check_value(schema, example, where)


def examples_of(holder):
    """The examples of a parameter or of one content."""
    if "examples" in holder:
        return [example["value"] for example in holder["examples"].values()]
    return [holder["example"]]


def requests_of(openapi, path, method):
    """(path, headers, body) with each example of each parameter and of the body once."""
    operation = openapi.document["paths"][path][method]
    parameters = [openapi.resolve(parameter) for parameter in operation.get("parameters", [])]
    named = [parameter for parameter in parameters if parameter["in"] == "path"]
    places = [path.replace(f"{{{parameter['name']}}}", str(example))
              for parameter in named for example in examples_of(parameter)] or [path]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    schema = openapi.resolve(content["schema"]) if content else {}
    bodies = examples_of(content) + schema.get("examples", []) if content else [...]
    for place in places:
        for body in bodies:
            yield place, {}, body
    for parameter in parameters:
        for example in examples_of(parameter):
            if parameter["in"] == "header":
                yield places[0], {parameter["name"]: example}, bodies[0]
            elif parameter["in"] == "query":
                yield f"{path}?{urlencode({parameter['name']: example})}", {}, bodies[0]


UNDERSTOOD = (200, 201, 202, 304, 404, 409, 412)


def test_every_request_of_the_document_is_understood(relevo, checked, openapi):
    """What it names may not exist, and a tag is not the item's; but no example is malformed."""
    sent = 0
    for path, described in openapi.document["paths"].items():
        for method in described:
            if (path, method) == ("/events", "get"):
                continue  # takes no parameter and does not end; see test_events.py
            for place, headers, body in requests_of(openapi, path, method):
                answer = checked.request(method.upper(), place, body, headers)
                # All have the one example of a key, which thereby belongs to the first of them.
                reused = answer.status == 422 and answer.json()["type"].endswith(":key-reused")
                assert reused or answer.status in UNDERSTOOD, (place, answer)
                sent += 1
    assert sent > 40
    assert {("createItem", 201), ("replaceItem", 200), ("patchItem", 200), ("deleteItem", 200),
            ("listItems", 200), ("runSync", 202)} <= checked.seen


def test_what_the_schema_refuses_the_daemon_refuses(checked, openapi):
    create = {"$ref": "#/components/schemas/ItemCreate"}
    for body in ({}, item(code=""), item(code="x" * 51), item(area="x" * 101), item(status=None),
                 item(type=5), item(acquisition_date="yesterday"), item(id=1), [], "x"):
        with pytest.raises(AssertionError):
            openapi.check_value(create, body, "body")
        assert checked.request("POST", "/items", body).status == 422, body


def online(c):
    c.request("POST", "/items", item(), {"Idempotency-Key": "k"})
    c.request("POST", "/items", item(), {"Idempotency-Key": "k"})
    c.request("POST", "/items", item(acquisition_date=None))
    tag = c.request("GET", "/items/1").etag
    for path in ("/items", "/items?limit=1", "/items?q=pc&type=Computadora", "/items/1",
                 "/operations", "/sync/status", "/sync/dead", "/instances", "/health", "/metrics",
                 "/openapi.json"):
        c.request("GET", path)
        c.request("HEAD", path)
    c.request("GET", "/items", headers={"Cache-Control": "no-cache"})
    c.request("GET", "/items/1", headers={"If-None-Match": tag})
    c.request("PUT", "/items/1", item(area="Sala 2"), {"If-Match": tag})
    c.request("PATCH", "/items/1", {"area": "Sala 3"})
    c.request("PATCH", "/items/1", {"area": "Sala 4"}, {"If-Match": tag})
    c.request("DELETE", "/items/2")


def refused(c):
    c.request("GET", "/items?limit=0")
    c.request("GET", "/operations?limit=0")
    c.request("POST", "/items", b"{")
    c.request("POST", "/items", item(code=""))
    c.request("POST", "/items", b"x" * 70000)
    c.request("POST", "/items", b"x", {"Content-Type": "text/plain"})
    c.request("POST", "/items", item(), {"Idempotency-Key": "a b"})
    c.request("POST", "/items", item(area="y"), {"Idempotency-Key": "k"})
    c.request("GET", "/health", headers={"X-Long": "x" * 17000})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        c.request(method, "/items/999", item() if method[0] == "P" else None)
    c.request("GET", f"/operations/{UNKNOWN}")
    c.request("DELETE", f"/sync/dead/{UNKNOWN}")
    c.request("POST", f"/sync/dead/{UNKNOWN}/retry")


def test_answers_online(checked):
    online(checked)
    refused(checked)
    assert {("createItem", 201), ("listItems", 200), ("getItem", 304), ("replaceItem", 200),
            ("patchItem", 412), ("deleteItem", 200), ("createItem", 400), ("createItem", 413),
            ("createItem", 415), ("createItem", 422), ("getHealth", 431), ("patchItem", 404),
            ("discardDeadLetter", 404), ("listInstances", 200)} <= checked.seen


def test_answers_of_an_outage(system, relevo, checked):
    checked.request("POST", "/items", item())
    checked.request("POST", "/items", item(code="X"))
    system.mysql_down()
    made = checked.request("POST", "/items", item(code="late")).json()
    checked.request("PATCH", f"/items/{made['data']['id']}", {"area": "Sala 9"})
    change = checked.request("PATCH", "/items/1", {"area": "Sala 9"}).json()["operation"]
    checked.request("DELETE", "/items/2")
    for path in ("/items", f"/items/{made['data']['id']}", "/operations", "/operations?limit=1",
                 f"/operations/{change}", "/sync/status", "/health", "/sync/dead", "/instances"):
        checked.request("GET", path)
    relevo.pause()
    system.mysql.start()
    system.mysql.sql("DELETE FROM items WHERE id = 1")
    relevo.resume()
    system.await_up()
    wait_until(lambda: checked.request("GET", "/sync/dead").json()["count"] == 1, 10, "a letter")
    for path in (f"/operations/{change}", f"/operations/{made['operation']}", "/sync/status",
                 f"/items/{made['data']['id']}"):
        checked.request("GET", path)
    wait_until(lambda: checked.request("POST", "/sync/run").status == 202, 10, "a cycle")
    assert checked.request("POST", f"/sync/dead/{change}/retry", {"area": "Sala 1"}).status == 202
    wait_until(lambda: checked.request("GET", "/sync/dead").json()["count"] == 1, 10, "again")
    assert checked.request("DELETE", f"/sync/dead/{change}").status == 200
    assert {("createItem", 202), ("patchItem", 202), ("deleteItem", 202), ("runSync", 202),
            ("retryDeadLetter", 202), ("discardDeadLetter", 200)} <= checked.seen


def test_answers_without_any_server(system, checked):
    checked.request("POST", "/items", item())
    system.mysql_down()
    system.redis_down()
    assert checked.request("GET", "/items").json()["stale"] is True
    assert checked.request("GET", "/items/1").json()["source"] == "MEMORY"
    for path in ("/health", "/sync/dead", "/instances", f"/operations/{UNKNOWN}"):
        checked.request("GET", path)
    assert checked.request("POST", "/items", item()).status == 503
    assert checked.request("DELETE", "/items/1").status == 503
    assert {("getHealth", 503), ("createItem", 503), ("listDeadLetters", 503)} <= checked.seen


def test_the_document_is_compact_on_the_wire(relevo, openapi):
    text = json.dumps(openapi.document, ensure_ascii=False, separators=(",", ": "))
    assert len(relevo.api.get("/openapi.json").body) <= len(text.encode())
