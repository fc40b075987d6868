"""What clients did: operations with start, end and outcome, kept by all of them in one history.

An item is known by its `code`, which no operation changes. Every write gives `status`, `area` or
both values that nobody else ever writes, so whoever sees one knows which write it came from.
"""
import dataclasses
import json
import threading
import time

FIELDS = ("status", "area")

# Outcomes: done; the item was not there; refused for another reason, so nothing happened; nobody
# knows (no answer came).
OK, ABSENT, REFUSED, UNKNOWN = "ok", "absent", "refused", "unknown"
WRITES = ("create", "put", "patch", "delete")


@dataclasses.dataclass
class Operation:
    client: str
    instance: str  # that gave the last answer
    kind: str      # create, put, patch, delete, read, list
    code: str      # of the item; "" for a list
    values: dict   # write: the fields it sets; read: those seen; list: {code: those seen}
    start: float
    end: float = None  # None: never answered
    outcome: str = UNKNOWN
    status: int = 0
    number: int = 0

    def overlaps(self, other):
        return (self.start <= (other.end if other.end is not None else self.start) and
                other.start <= (self.end if self.end is not None else other.start))

    def __str__(self):
        end = f"{self.end:.4f}" if self.end is not None else "?"
        return (f"#{self.number} {self.client}@{self.instance} {self.kind} {self.code} "
                f"{self.values if self.kind != 'list' else ''} {self.outcome} {self.status} "
                f"[{self.start:.4f}, {end}]")


class History:
    """Shared by the clients' threads."""

    def __init__(self):
        self.operations = []
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def now(self):
        return time.monotonic() - self._began

    def begin(self, client, instance, kind, code, values=None):
        operation = Operation(client, instance, kind, code, values or {}, self.now())
        with self._lock:
            operation.number = len(self.operations)
            self.operations.append(operation)
        return operation

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for operation in self.operations:
                out.write(json.dumps(dataclasses.asdict(operation)) + "\n")


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [Operation(**json.loads(line)) for line in lines]
