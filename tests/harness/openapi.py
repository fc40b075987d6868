"""docs/openapi.json: what an answer of the daemon has to be. Every answer that a Client gets is held
against it, so the schemas are compiled, once each."""
import json
import os
import re

import fastjsonschema
import jsonschema

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "docs", "openapi.json")
PROBLEM = "application/problem+json"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


LONG_LIST = 200


def thinned(body):
    """A body whose list is so long that checking it would slow a test down, with every n-th of it."""
    if not isinstance(body, dict) or len(body.get("data") or ()) <= LONG_LIST:
        return body
    return {**body, "data": body["data"][::len(body["data"]) // LONG_LIST]}


class OpenApi:
    def __init__(self):
        with open(PATH, encoding="utf-8") as file:
            self.document = json.load(file)
        # The most literal pattern first.
        self._patterns = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), described) for path, described
                          in sorted(self.document["paths"].items(), key=lambda p: p[0].count("{"))]
        self._compiled = {}

    def resolve(self, node):
        while "$ref" in node:
            target = node["$ref"]
            node = self.document
            for step in target.removeprefix("#/").split("/"):
                node = node[step]
        return node

    def methods(self, path):
        """What is described of a path: its operations by method; None if it is not."""
        path = path.split("?")[0]
        return next((described for pattern, described in self._patterns
                     if pattern.fullmatch(path)), None)

    def operation(self, method, path):
        """The operation that stands for a request."""
        described = self.methods(path)
        assert described is not None, f"{path} is not described"
        return described["get" if method == "HEAD" else method.lower()]

    def check_value(self, schema, value, what):
        """Validate by the letter of JSON Schema 2020-12, with every fault named. Slow."""
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema",
                 "components": self.document["components"], "allOf": [schema]}
        validator = jsonschema.Draft202012Validator(whole,
                                                    format_checker=jsonschema.FormatChecker())
        faults = [f"{list(fault.absolute_path)}: {fault.message}"
                  for fault in validator.iter_errors(value)]
        assert not faults, f"{what}: {faults}"

    def fits(self, schema, value, what):
        """The same, compiled. What our schemas use means the same in draft 7, which a test of the
        document makes sure of."""
        key = id(schema)  # of a node of the document, which stays
        if key not in self._compiled:
            self._compiled[key] = fastjsonschema.compile(
                {"$schema": DRAFT_7, "components": self.document["components"],
                 "allOf": [schema]}, formats={"int64": lambda number: abs(number) < 1 << 63})
        try:
            self._compiled[key](value)
        except fastjsonschema.JsonSchemaException as fault:
            raise AssertionError(f"{what}: {fault.message}") from None

    def schema(self, name):
        return self.document["components"]["schemas"][name]

    # --- answers ---

    def check(self, method, path, answer):
        """An answer is as described; one that the document does not know of is no API's, or refused."""
        what = f"{method} {path}: {answer}"
        operations = self.methods(path)
        if operations is None:
            self._check_undescribed(answer, what)
        elif method == "OPTIONS" and answer.status == 204:
            assert answer.headers["Allow"] and answer.body == b"", what
        elif ("get" if method == "HEAD" else method.lower()) not in operations:
            assert answer.status >= 400, what
            self._check_undescribed(answer, what)
        else:
            self._check_described(method, self.operation(method, path), answer, what)

    def _check_undescribed(self, answer, what):
        if answer.status >= 400:
            assert self._kind(answer) == PROBLEM, what
            if answer.body:
                self._check_problem(answer, what)

    def _check_problem(self, answer, what):
        problem = answer.json()
        self.fits(self.schema("Problem"), problem, what)
        assert problem["status"] == answer.status, what

    def _check_described(self, method, operation, answer, what):
        assert str(answer.status) in operation["responses"], f"not described: {what}"
        described = self.resolve(operation["responses"][str(answer.status)])
        assert answer.headers["X-Request-Id"], what
        self._check_headers(described, answer, what)
        content = described.get("content")
        if content is None:
            assert answer.body == b"", what
            return
        kind = self._kind(answer)
        assert kind in content, f"{kind}: {what}"
        if method == "HEAD":
            assert answer.body == b"", what
        elif kind == PROBLEM:
            self._check_problem(answer, what)
        elif kind == "application/json":
            self.fits(content[kind]["schema"], thinned(answer.json()), what)

    def _check_headers(self, described, answer, what):
        for name, header in described.get("headers", {}).items():
            header, value = self.resolve(header), answer.headers[name]
            if value is None:
                assert not header.get("required"), f"{name} is missing: {what}"
            else:
                number = header["schema"]["type"] == "integer"
                self.fits(header["schema"], int(value) if number else value, f"{name} of {what}")

    @staticmethod
    def _kind(answer):
        return (answer.headers["Content-Type"] or "").split(";")[0]


class Judge:
    """Holds answers against the document, from any thread. A fault is raised where the answer was
    asked for, and kept, since who asked may not be listened to."""

    def __init__(self):
        self.openapi = OpenApi()
        self.faults = []

    def _keep(self, check, *of):
        try:
            check(*of)
        except AssertionError as fault:
            self.faults.append(str(fault))
            raise

    def answer(self, method, path, answer):
        self._keep(self.openapi.check, method, path, answer)

    def value(self, name, value, what):
        """`value` is one of schema `name`."""
        self._keep(self.openapi.fits, self.openapi.schema(name), value, what)

    def take_faults(self):
        faults, self.faults = self.faults, []
        return faults


judge = Judge()


class NotingClient:
    """A client that notes which of the described answers it has seen."""

    def __init__(self, client):
        self._client = client
        self.seen = set()  # (operationId, status)

    def request(self, method, path, body=None, headers=None):
        answer = self._client.request(method, path, body, headers)
        self.seen.add((judge.openapi.operation(method, path)["operationId"], answer.status))
        return answer
