"""A client of /events."""
import http.client
import json
import socket

from .openapi import judge


class Event:
    def __init__(self, fields):
        self.fields = fields  # in order: [(name, value)]
        self.name = dict(fields)["event"]
        self.id = dict(fields)["id"]
        self.retry = int(dict(fields)["retry"])
        self.data = json.loads(dict(fields)["data"])
        judge.value("StatusEvent", self.data, "an event")

    @property
    def health(self):
        return self.data["health"]

    @property
    def sync(self):
        return self.data["sync"]


class Listener:
    """One stream; used by one thread."""

    def __init__(self, port, headers=None, timeout=30, receive_buffer=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        if receive_buffer:
            self.connection.sock = socket.socket()
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.connection.sock.settimeout(timeout)
            self.connection.sock.connect(("127.0.0.1", port))
        self.connection.request("GET", "/events", headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    @property
    def headers(self):
        return self.answer.headers

    def next(self):
        """The next event, or None at the end of the stream."""
        fields = []
        while line := self.answer.readline():
            if line == b"\n":
                return Event(fields)
            assert line.endswith(b"\n"), line
            name, _, value = line[:-1].decode().partition(": ")
            fields.append((name, value))
        assert not fields, f"the stream ends in the middle of {fields}"
        return None

    def until(self, condition, what="an event"):
        """The first event from here on that satisfies; the socket's time-out is the limit of each."""
        while event := self.next():
            if condition(event):
                return event
        raise AssertionError(f"the stream ended before {what}")

    def rest(self):
        """All events until the stream ends."""
        return list(iter(self.next, None))

    def close(self):
        # The answer keeps the socket open for itself.
        self.answer.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
