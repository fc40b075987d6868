"""Judges a history: what was promised (contract 6) against what was answered and what is left.

`final` are the rows that MySQL holds after everything healed: [(code, status, area), ...].
"""
import collections

from . import linear
from .record import ABSENT, FIELDS, OK, REFUSED, UNKNOWN, WRITES


def by_item(operations):
    """{code: its writes}"""
    items = collections.defaultdict(list)
    for operation in operations:
        if operation.kind in WRITES:
            items[operation.code].append(operation)
    return items


def _show(operations):
    return "\n    ".join(str(operation) for operation in operations)


def check_doubles(final):
    counts = collections.Counter(row[0] for row in final)
    return [f"{code} exists {count} times" for code, count in counts.items() if count > 1]


def check_final(items, final):
    """No item that nobody created, and an order of its writes for every item."""
    states = {code: (status, area) for code, status, area in final}
    faults = [f"{code} is there, but nobody created it" for code in states if code not in items]
    for code, writes in items.items():
        left = states.get(code)
        candidates = [left] if left is not None else [linear.GONE, linear.NEVER]
        if not any(linear.possible(writes, state) for state in candidates):
            faults.append(f"no order of the writes of {code} explains what is left of it, "
                          f"{left}:\n    {_show(writes)}")
    return faults


class _Seen:
    """What one client knows of one item through one instance, and at what time it knew it."""

    def __init__(self):
        self.values = {name: [] for name in FIELDS}  # writes whose value it saw or wrote
        self.present = self.gone = None


def _sightings(operations):
    """(client, instance, code, time the question began, it ended, fields or None), by end."""
    for o in sorted((o for o in operations if o.end is not None), key=lambda o: o.end):
        if o.kind == "list" and o.outcome == OK:
            for code, values in o.values.items():
                yield o, code, values
        elif o.kind == "read" and o.outcome in (OK, ABSENT):
            yield o, o.code, o.values if o.outcome == OK else None


class _Reads:
    """Nobody reads what nobody wrote, and no client sees an instance go back in time."""

    def __init__(self, operations, items):
        self.items = items
        self.faults = []
        self.writers = {}  # (code, field, value): its write
        for code, writes in items.items():
            for write in writes:
                for name, value in write.values.items():
                    self.writers[code, name, value] = write
        self.known = collections.defaultdict(_Seen)
        self.own = collections.defaultdict(list)  # (client, instance): own writes, by end
        for o in sorted((o for o in operations if o.end is not None), key=lambda o: o.end):
            if o.kind in WRITES and o.outcome == OK:
                self.own[o.client, o.instance].append(o)

    def fault(self, operation, code, text):
        self.faults.append(f"{code}: {text}: {operation.client}@{operation.instance} "
                           f"#{operation.number} [{operation.start:.4f}, {operation.end:.4f}]")

    def learn_own(self, client, instance, until):
        """What the client wrote through the instance before `until`, it has to see."""
        own = self.own[client, instance]
        while own and own[0].end < until:
            write = own.pop(0)
            seen = self.known[client, instance, write.code]
            if write.kind == "delete":
                seen.gone = write
            else:
                seen.present = write
                for name in write.values:
                    seen.values[name].append(write)

    def see_absent(self, operation, code, seen):
        if seen.present is None:
            return
        if not any(w.kind == "delete" and w.outcome in (OK, UNKNOWN) and w.start < operation.end
                   for w in self.items[code]):
            self.fault(operation, code, f"vanished after {seen.present}")

    def see_present(self, operation, code, values, seen):
        if seen.gone is not None:
            self.fault(operation, code, f"came back after {seen.gone}")
        for name in FIELDS:
            write = self.writers.get((code, name, values.get(name)))
            if write is None or write.start > operation.end:
                self.fault(operation, code, f"{name} is {values.get(name)!r}, which nobody wrote")
            elif write.outcome in (REFUSED, ABSENT):
                self.fault(operation, code, f"shows what was refused: {write}")
            else:
                self.compare(operation, code, name, write, seen)
        seen.present = operation

    def compare(self, operation, code, name, write, seen):
        """Is it certainly older than what this client knew?"""
        for newer in seen.values[name]:
            if write.outcome == OK and write.end < newer.start:
                self.fault(operation, code, f"{name} went back from {newer} to {write}")
                return
        if write not in seen.values[name]:
            seen.values[name].append(write)

    def run(self, operations):
        for operation, code, values in _sightings(operations):
            self.learn_own(operation.client, operation.instance, operation.start)
            seen = self.known[operation.client, operation.instance, code]
            if values is None:
                self.see_absent(operation, code, seen)
            else:
                self.see_present(operation, code, values, seen)
        return self.faults


def _with_absences(operations):
    """A list that lacks an item says that it is not there: as reads of their own."""
    seen = collections.defaultdict(set)
    out = []
    for o in operations:
        if o.kind == "create" and o.outcome == OK:
            seen[o.client].add(o.code)
    for o in operations:
        out.append(o)
        if o.kind == "list" and o.outcome == OK:
            for code in seen[o.client] - set(o.values):
                out.append(type(o)(o.client, o.instance, "read", code, {}, o.start, o.end, ABSENT,
                                   o.status, o.number))
    return out


def check_reads(operations, items):
    return _Reads(operations, items).run(_with_absences(operations))


def check_dead_letters(operations, letters):
    """Nobody but the clients wrote, and every body was valid: the only letters with an explanation
    are updates of items that somebody deleted at the same time."""
    items = by_item(operations)
    faults = []
    for letter in letters:
        # A letter need not name the item, but its values are nobody else's.
        updates = [w for w in operations if w.kind in ("put", "patch") and
                   all((letter["data"] or {}).get(name) == v for name, v in w.values.items())]
        writes = items[updates[0].code] if updates else []
        deletes = [w for w in writes if w.kind == "delete" and w.outcome in (OK, UNKNOWN)]
        if letter["reason"] != "gone" or not any(d.overlaps(u) for d in deletes for u in updates):
            faults.append(f"a dead letter that nothing explains: {letter}\n    {_show(writes)}")
    return faults


def check(operations, final):
    """Every violation as a text; none: the history is fine."""
    items = by_item(operations)
    return check_doubles(final) + check_final(items, final) + check_reads(operations, items)
