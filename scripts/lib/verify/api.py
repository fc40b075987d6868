"""The HTTP side: one request, one answer."""
import http.client
import json
import urllib.parse

from language import either

TIMEOUT_S = 15  # of one request; the daemon waits for its servers a second or so


class Failed(Exception):
    """Something did not hold; the text says what."""


class Answer:
    def __init__(self, request, status, headers, body):
        self.request = request
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        """The body, which has to be a JSON object."""
        try:
            document = json.loads(self.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Failed(either(f"no JSON object: {self}", f"no es un objeto JSON: {self}"))
        return document

    def __str__(self):
        return f"{self.request}: {self.status} {self.body[:400].decode(errors='replace')}"


class Api:
    def __init__(self, url, token=None):
        try:
            parts = urllib.parse.urlsplit(url)
            self._address = parts.hostname, parts.port  # reading the port also checks it
            fits = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(either(f"the URL has to be http://HOST[:PORT], not {url}",
                                    f"la URL tiene que ser http://HOST[:PORT], no {url}"))
        self.url = url.rstrip("/")
        self._kind = (http.client.HTTPSConnection if parts.scheme == "https"
                      else http.client.HTTPConnection)
        self._prefix = parts.path.rstrip("/")
        self._token = token

    def request(self, method, path, body=None, **headers):
        """Keyword arguments are headers, `_` for `-`. A connection of its own each time: none can
        have been closed meanwhile, and each instance behind a load balancer has its turn."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        content = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        connection = self._kind(*self._address, timeout=TIMEOUT_S)
        try:
            connection.request(method, self._prefix + path, content, sent)
            answer = connection.getresponse()
            return Answer(f"{method} {path}", answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as fault:
            raise Failed(either(f"{method} {path}: no answer ({fault!r})",
                                f"{method} {path}: sin respuesta ({fault!r})")) from fault
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)
