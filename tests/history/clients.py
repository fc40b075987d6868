"""Clients that create, change, delete, read and list items at random, on any instance, and put
everything they do into a history.

Half of the writes carry an Idempotency-Key and are repeated, on any instance, until they are
answered; the others are sent once, and if no answer comes nobody knows what became of them.
"""
import http.client
import threading
import time

from harness.client import Client
from harness.items import item

from .record import ABSENT, FIELDS, OK, REFUSED

LOST = (OSError, http.client.HTTPException)
# How often what is done; the rest are reads.
WEIGHTS = (("create", 20), ("patch", 22), ("put", 10), ("delete", 10), ("list", 4), ("read", 34))


class Shared:
    """What all clients of a run share: the history, the items to meet at, the answers 5xx."""

    def __init__(self, history, daemons, down, weights=WEIGHTS, timeout=20, patience=60):
        self.history = history
        self.daemons = daemons
        self.down = down  # down(name, start): was this instance dead or stopped since then?
        self.kinds, self.weights = zip(*weights)
        self.timeout = timeout  # s without an answer: nobody knows what became of a request
        self.patience = patience  # s for the answer of a keyed write, with all its repeats
        self.aside = set()  # instances that nobody asks at present
        self.paths = {}   # code -> path of items that exist, as far as anybody knows
        self.refusals = []  # answers 5xx that nobody explains
        self.lock = threading.Lock()


class HistoryClient(threading.Thread):
    def __init__(self, name, shared, rng):
        super().__init__(name=name)
        self.shared = shared
        self.rng = rng
        self.clients = {d.name: Client(d.port, timeout=shared.timeout) for d in shared.daemons}
        self.halt = threading.Event()
        self.stepping = threading.Lock()  # held during each operation
        self.count = 0
        self.fault = None

    def run(self):
        try:
            while not self.halt.is_set():
                with self.stepping:
                    self.step()
                self.halt.wait(self.rng.random() * 0.02)
        except Exception as fault:  # shown by the run
            self.fault = fault
        finally:
            for client in self.clients.values():
                client.close()

    # --- one operation ---

    def step(self):
        kind = self.rng.choices(self.shared.kinds, self.shared.weights)[0]
        code, path = self.pick()
        self.count += 1
        if kind == "create" or path is None:
            self.create()
        elif kind == "list":
            self.list_items()
        elif kind == "read":
            self.read(code, path)
        else:
            self.change(kind, code, path)

    def pick(self):
        with self.shared.lock:
            if not self.shared.paths:
                return None, None
            # The latest ones most of the time, so that clients meet.
            codes = list(self.shared.paths)
            code = self.rng.choice(codes[-8:] if self.rng.random() < 0.7 else codes)
            return code, self.shared.paths[code]

    def tag(self):
        return f"{self.name}.{self.count}"

    def create(self):
        code = f"{self.name}-{self.count}"
        values = {name: self.tag() for name in FIELDS}
        operation = self.begin("create", code, values)
        answer = self.write(operation, "POST", "/items", item(code=code, **values))
        if answer is not None and operation.outcome == OK:
            with self.shared.lock:
                self.shared.paths[code] = f"/items/{answer.data['id']}"

    def change(self, kind, code, path):
        values = {}
        if kind == "put":
            values = {name: self.tag() for name in FIELDS}
        elif kind == "patch":
            values = {self.rng.choice(FIELDS): self.tag()}
        operation = self.begin(kind, code, values)
        body = item(code=code, **values) if kind == "put" else values or None
        self.write(operation, kind.upper(), path, body)
        if kind == "delete" and operation.outcome in (OK, ABSENT):
            with self.shared.lock:
                self.shared.paths.pop(code, None)

    def begin(self, kind, code, values=None):
        return self.shared.history.begin(self.name, self.any_instance(), kind, code, values)

    def any_instance(self):
        return self.rng.choice([name for name in self.clients if name not in self.shared.aside])

    # --- asking ---

    def ask(self, instance, method, path, body=None, headers=None):
        began = time.monotonic()
        try:
            answer = self.clients[instance].request(method, path, body, headers)
        except LOST:
            return None
        if answer.status >= 500 and not self.shared.down(instance, began):
            self.shared.refusals.append(f"{self.name}@{instance} {method} {path}: {answer} after "
                                        f"{time.monotonic() - began:.3f} s")
        return answer

    def write(self, operation, method, path, body):
        keyed = self.rng.random() < 0.5
        headers = {"Idempotency-Key": f"{self.name}:{self.count}"} if keyed else {}
        answer = self.ask(operation.instance, method, path, body, headers)
        deadline = time.monotonic() + self.shared.patience
        while keyed and (answer is None or answer.status in (409, 503)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never answered: {operation}, last {answer}")
            self.halt.wait(0.02)
            operation.instance = self.any_instance()
            answer = self.ask(operation.instance, method, path, body, headers)
        self.settle(operation, answer)
        return answer

    def settle(self, operation, answer):
        if answer is None:
            return
        operation.status = answer.status
        if answer.status in (200, 201, 202):
            operation.outcome = OK
        elif answer.status == 404:
            operation.outcome = ABSENT
        elif answer.status == 503 and answer.json()["type"].endswith(":uncertain"):
            return  # as good as no answer
        elif answer.status == 503:
            operation.outcome = REFUSED
        else:
            raise AssertionError(f"unexpected answer to {operation}: {answer}")
        operation.end = self.shared.history.now()

    def read(self, code, path):
        operation = self.begin("read", code)
        answer = self.ask(operation.instance, "GET", path)
        if answer is not None and answer.status == 200:
            assert answer.data["code"] == code, f"{path} is {answer.data['code']}, not {code}"
            operation.values = {name: answer.data[name] for name in FIELDS}
        self.settle(operation, answer)

    def list_items(self):
        operation = self.begin("list", "")
        answer = self.ask(operation.instance, "GET", "/items")
        if answer is not None and answer.status == 200:
            shown = answer.data
            operation.values = {row["code"]: {name: row[name] for name in FIELDS} for row in shown}
            assert len(operation.values) == len(shown), "GET /items shows an item twice"
        self.settle(operation, answer)
