"""Clients that write at random, each its own items, and remember what has to come of it."""
import random
import threading
import time

from .client import Client
from .items import item, item_key, row_of


class Writer(threading.Thread):
    """Creates, changes and deletes items until told to stop. `wanted` is {code: row} afterwards."""

    def __init__(self, name, ports, rng, retry=False):
        super().__init__(name=name)
        self.rng = rng
        self.clients = [Client(port) for port in ports]
        self.retry = retry  # the daemon may die: repeat under the same key until answered
        self.halt = threading.Event()
        self.wanted = {}
        self.items = {}  # code -> path
        self.codes = {}  # status -> how many
        self.repeated = {}  # and of those that were asked again
        self.fault = None
        self.count = 0
        self.patience = 1500
        self.last = ""

    def run(self):
        try:
            while not self.halt.is_set():
                self.step()
                self.halt.wait(self.rng.random() * 0.01)
        except Exception as fault:  # shown by the test
            self.fault = fault
        finally:
            for client in self.clients:
                client.close()

    def send(self, method, path, body=None):
        self.count += 1
        self.last = f"{time.strftime('%H:%M:%S')} request {self.count}, {method} {path} {body}"
        headers = {"Idempotency-Key": f"{self.name}-{self.count}"} if self.retry else {}
        while True:
            try:
                answer = self.rng.choice(self.clients).request(method, path, body, headers)
            except OSError:
                answer = None
            except Exception as fault:
                if "http.client" not in type(fault).__module__:
                    raise
                answer = None
            if answer is None or self.retry and answer.status in (409, 503):
                assert self.retry, f"{method} {path}: connection lost"
                status = answer.status if answer else None
                self.repeated[status] = self.repeated.get(status, 0) + 1
                if self.halt.wait(0.02) and self.gave_up():
                    raise AssertionError(f"{method} {path} was never answered")
                continue
            self.codes[answer.status] = self.codes.get(answer.status, 0) + 1
            return answer

    def expect(self, answer, online):
        assert answer.status in (online, 202), f"{self.name}: {self.last}: {answer}"

    def gave_up(self):
        self.patience -= 1
        return self.patience < 0

    def step(self):
        kind = self.rng.random()
        if kind < 0.5 or not self.items:
            body = item(code=f"{self.name}-{self.count}", area=f"Sala {self.rng.randrange(100)}")
            answer = self.send("POST", "/items", body)
            self.expect(answer, 201)
            self.items[body["code"]] = item_key(answer.data)
            self.wanted[body["code"]] = row_of(body)
        elif kind < 0.85:
            code = self.rng.choice(sorted(self.items))
            change = {"area": f"Aula {self.rng.randrange(1000)}"}
            if self.rng.random() < 0.3:
                body = {**item(code=code), **change}
                answer = self.send("PUT", self.items[code], body)
                self.wanted[code] = row_of(body)
            else:
                answer = self.send("PATCH", self.items[code], change)
                row = self.wanted[code]
                self.wanted[code] = (*row[:3], change["area"], row[4])
            self.expect(answer, 200)
        else:
            code = self.rng.choice(sorted(self.items))
            answer = self.send("DELETE", self.items.pop(code))
            del self.wanted[code]
            self.expect(answer, 200)


class Crowd:
    """Many writers at once."""

    def __init__(self, count, ports, rng, retry=False, prefix="W"):
        self.writers = [Writer(f"{prefix}{n}", ports, random.Random(rng.random()), retry)
                        for n in range(count)]
        for writer in self.writers:
            writer.start()

    def stop(self):
        for writer in self.writers:
            writer.halt.set()
        for writer in self.writers:
            writer.join(timeout=60)
            assert not writer.is_alive(), f"{writer.name} hangs"
        faults = [writer.fault for writer in self.writers if writer.fault]
        assert not faults, f"{len(faults)} of {len(self.writers)} writers: {faults[0]!r}"

    @property
    def count(self):
        return sum(writer.count for writer in self.writers)

    @property
    def codes(self):
        return self._total("codes")

    @property
    def repeated(self):
        """{status: how many} of the answers for which a request was asked again; None: there was
        none."""
        return self._total("repeated")

    def _total(self, name):
        total = {}
        for writer in self.writers:
            for code, count in getattr(writer, name).items():
                total[code] = total.get(code, 0) + count
        return total

    def check(self, system):
        """MySQL holds exactly what was answered: nothing lost, nothing doubled."""
        wanted = {}
        for writer in self.writers:
            wanted.update(writer.wanted)
        rows = list(system.mysql.items().values())
        found = {row[0]: row[:5] for row in rows}
        doubled = sorted(row[0] for row in rows)
        doubled = {code for code, after in zip(doubled, doubled[1:]) if code == after}
        assert not doubled, f"doubled: {sorted(doubled)[:10]}"
        lost, ghosts = set(wanted) - set(found), set(found) - set(wanted)
        assert not lost, f"{len(lost)} lost: {sorted(lost)[:10]}"
        assert not ghosts, f"{len(ghosts)} resurrected: {sorted(ghosts)[:10]}"
        wrong = {code: (found[code], wanted[code]) for code in wanted if found[code] != wanted[code]}
        assert not wrong, f"{len(wrong)} with other values (found, wanted): {list(wrong.items())[:3]}"
