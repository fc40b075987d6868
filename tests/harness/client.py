"""A small HTTP client with keep-alive, one connection per thread and daemon. Every answer has to be
as docs/openapi.json says."""
import http.client
import json
import socket
import threading

from .openapi import judge


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: case-insensitive
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json()["data"]

    @property
    def etag(self):
        return self.headers["ETag"]

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class Client:
    def __init__(self, port, timeout=30):
        self.port = port
        self.timeout = timeout
        self._local = threading.local()

    def close(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, anything else as JSON; Ellipsis (...) for none at all."""
        headers = dict(headers or {})
        if isinstance(body, (bytes, bytearray)):
            content = bytes(body)
        elif body is None or body is ...:
            content = None
        else:
            content = json.dumps(body, ensure_ascii=False).encode()
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            fresh = connection is None
            if fresh:
                connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                        timeout=self.timeout)
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._local.connection = connection
            try:
                connection.request(method, path, body=content, headers=headers)
                answer = connection.getresponse()
                result = Response(answer.status, answer.headers, answer.read())
            except Exception:
                self.close()
                # An idle connection may have been closed by the server; a read may be repeated.
                if fresh or attempt == 2 or method not in ("GET", "HEAD"):
                    raise
                continue
            if answer.will_close:
                self.close()
            judge.answer(method, path, result)
            return result
        raise AssertionError("unreachable")

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, body, headers)

    def put(self, path, body=None, headers=None):
        return self.request("PUT", path, body, headers)

    def patch(self, path, body=None, headers=None):
        return self.request("PATCH", path, body, headers)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers=headers)


def raw_exchange(port, data, timeout=20, finish=True):
    """Send bytes as they are, read until the server closes. With `finish` our side is half-closed
    after sending."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as peer:
        try:
            peer.sendall(data)
            if finish:
                peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused while we were sending: the answer may still be there
        received = b""
        try:
            while chunk := peer.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received
