"""Notices that this process stood still. The daemons reach their servers through proxies of ours, so for
them everything stood still as well, and no nemesis did it."""
import threading
import time

BEAT = 0.02
LIMIT = 1.0  # s; shorter ones no time-out of a daemon minds


class Pulse(threading.Thread):
    def __init__(self, limit=LIMIT, now=time.monotonic):
        super().__init__(name="pulse", daemon=True)
        self.limit = limit
        self.now = now
        self.halt = threading.Event()
        self.last = now()
        self.gaps = []  # [(when it ended, how long it was)]

    def run(self):
        while not self.halt.wait(BEAT):
            self.beat()

    def beat(self):
        now = self.now()
        if now - self.last >= self.limit:
            self.gaps.append((now, now - self.last))
        self.last = now

    def stood_still(self, since):
        """Was there such a gap, or is this one, after `since`?"""
        return (self.now() - self.last >= self.limit or
                any(end > since for end, _ in list(self.gaps)))
