"""docs/openapi.json: which schema an answer of the daemon has to satisfy."""
import json
import os
import re

import jsonschema

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "docs", "openapi.json")


class OpenApi:
    def __init__(self):
        with open(PATH, encoding="utf-8") as file:
            self.document = json.load(file)

    def resolve(self, node):
        while "$ref" in node:
            target = node["$ref"]
            node = self.document
            for step in target.removeprefix("#/").split("/"):
                node = node[step]
        return node

    def operation(self, method, path):
        """The operation that stands for a request, by the most literal pattern."""
        path = path.split("?")[0]
        for pattern in sorted(self.document["paths"], key=lambda p: p.count("{")):
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
                return self.document["paths"][pattern][method.lower()]
        raise AssertionError(f"{path} is not described")

    def check_value(self, schema, value, what):
        """Validate, with references into the document and formats checked."""
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema",
                 "components": self.document["components"], "allOf": [schema]}
        validator = jsonschema.Draft202012Validator(whole,
                                                    format_checker=jsonschema.FormatChecker())
        faults = [f"{list(fault.absolute_path)}: {fault.message}"
                  for fault in validator.iter_errors(value)]
        assert not faults, f"{what}: {faults}"

    def check(self, method, path, answer):
        """The answer's status is described, so are its headers, and its body fits the schema."""
        what = f"{method} {path}: {answer}"
        operation = self.operation("GET" if method == "HEAD" else method, path)
        assert str(answer.status) in operation["responses"], f"not described: {what}"
        described = self.resolve(operation["responses"][str(answer.status)])
        assert answer.headers["X-Request-Id"], what
        for name in described.get("headers", {}):
            assert answer.headers[name] is not None, f"{name} is missing: {what}"
        content = described.get("content")
        if content is None or method == "HEAD":
            assert answer.body == b"", what
            return
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in content, f"{kind}: {what}"
        if kind.endswith("json"):
            self.check_value(content[kind]["schema"], answer.json(), what)


class CheckedClient:
    """A client whose every answer is held against the document."""

    def __init__(self, client, openapi):
        self._client = client
        self._openapi = openapi
        self.seen = set()  # (operationId, status)

    def request(self, method, path, body=None, headers=None):
        answer = self._client.request(method, path, body, headers)
        self._openapi.check(method, path, answer)
        name = self._openapi.operation("GET" if method == "HEAD" else method, path)["operationId"]
        self.seen.add((name, answer.status))
        return answer
