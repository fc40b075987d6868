"""A server that hangs costs each client one time-out at most, a killed one none: counted, not timed
(bench/gap measures). A write counts as held up if it took more than half of a long time-out."""
import threading
import time

import pytest

from harness import Client, item, wait_until

CLIENTS = 16
TIMEOUT_S = 4


class Writer(threading.Thread):
    """Creates without a pause, and notes how long each took."""

    def __init__(self, name, port):
        super().__init__(name=name)
        self.api = Client(port)
        self.halt = threading.Event()
        self.took = []
        self.codes = []
        self.fault = None

    def run(self):
        try:
            while not self.halt.is_set():
                code = f"{self.name}-{len(self.took)}"
                began = time.monotonic()
                answer = self.api.post("/items", item(code=code))
                assert answer.status in (201, 202), answer
                self.took.append(time.monotonic() - began)
                self.codes.append(code)
        except Exception as fault:  # shown by the test
            self.fault = fault
        self.api.close()


@pytest.fixture
def writers(system):
    relevo = system.start(RELEVO_MYSQL_TIMEOUT=f"{TIMEOUT_S}s", RELEVO_REDIS_TIMEOUT=f"{TIMEOUT_S}s")
    crowd = [Writer(f"W{n}", relevo.port) for n in range(CLIENTS)]
    for writer in crowd:
        writer.start()
    await_more(crowd)
    yield crowd
    stop(crowd)


def stop(crowd):
    for writer in crowd:
        writer.halt.set()
    for writer in crowd:
        writer.join(timeout=60)


def await_more(crowd, each=5):
    before = [len(writer.took) for writer in crowd]
    wait_until(lambda: all(len(writer.took) >= n + each or writer.fault
                           for writer, n in zip(crowd, before)), 10 + 4 * TIMEOUT_S, "more answers")


def held_up(crowd):
    return [sum(took > TIMEOUT_S / 2 for took in writer.took) for writer in crowd]


def finish(system, crowd):
    """Nothing lost, nothing doubled."""
    stop(crowd)
    assert not [writer.fault for writer in crowd if writer.fault]
    system.await_up()
    assert system.mysql.codes() == sorted(code for writer in crowd for code in writer.codes)


@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_a_server_that_hangs_holds_up_each_client_once(system, writers, server):
    getattr(system, server).pause()
    await_more(writers)
    getattr(system, server).resume()
    await_more(writers)
    assert max(held_up(writers)) <= 1, held_up(writers)
    finish(system, writers)


@pytest.mark.parametrize("server", ["mysql", "redis"])
def test_a_killed_server_holds_up_nobody(system, writers, server):
    getattr(system, server).kill()
    await_more(writers)
    getattr(system, server).start()
    await_more(writers)
    assert sum(held_up(writers)) == 0, held_up(writers)
    finish(system, writers)
