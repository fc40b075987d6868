"""A Redis of our own."""
import hashlib
import os

import redis

from .ports import free_port
from .process import Process
from .wait import wait_until

_LUA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "redis", "lua")


def script(name):
    """How a call of this script begins, once Redis knows it."""
    with open(os.path.join(_LUA, f"{name}.lua"), "rb") as source:
        return b"EVALSHA\r\n$40\r\n" + hashlib.sha1(source.read()).hexdigest().encode()


class Redis(Process):
    def __init__(self, folder, durable=True):
        super().__init__("redis-server", os.path.join(folder, "redis.log"))
        self.data = os.path.join(folder, "redis")
        os.makedirs(self.data, exist_ok=True)
        self.port = free_port()
        self.durable = durable

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def launch(self, *extra):
        self.spawn(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
                    "--dir", self.data, "--save", "", "--maxmemory-policy", "noeviction",
                    "--appendonly", "yes" if self.durable else "no",
                    "--appendfsync", "always", *extra])

    def start(self):
        if not self.running:
            self.launch()
        self.await_ready()

    def await_ready(self):
        def answers():
            assert self.running, f"redis-server ended:\n{self.log_tail(20)}"
            try:
                return self.db.ping()
            except redis.exceptions.RedisError:
                return False
        wait_until(answers, 20, "Redis answers", pause=0.01)

    def stop(self):
        self.terminate(timeout=20)

    @property
    def db(self):
        """A client; bytes in, bytes out."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=10)

    def hold_lease(self, token=7, seconds=60, flush=False):
        """Nobody drains until it is dropped, not even who holds the lease right now; with `flush` from
        the instant on in which Redis loses its memory."""
        call = self.db.pipeline(transaction=True)
        if flush:
            call.flushall()
        call.delete("sync:lease:holder").set("sync:lease", str(token), seconds).execute()

    def drop_lease(self):
        self.db.delete("sync:lease")

    def wipe(self):
        self.db.flushall()
