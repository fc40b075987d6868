"""Can the writes of one item have happened one after another?

The search of Wing and Gong with the memory of Lowe: take any write that nobody finished before it
began, apply it to the state, go on; never visit the same set of done writes in the same state
twice. A write of unknown outcome may happen at any time after its start, or not at all.
"""
from .record import ABSENT, FIELDS, OK, UNKNOWN

NEVER, GONE = "never", "gone"  # states of an item that is not there
TOO_MANY = 200_000             # states looked at before the search gives up


class TooHard(Exception):
    """The writes of one item overlap too much to be judged."""


def _met_delete(operation, writes):
    """A delete that was queued while another one was on its way: when it is drained the row is gone,
    and it is done (contract 6.7)."""
    return operation.kind == "delete" and operation.status == 202 and any(
        other is not operation and other.kind == "delete" and other.outcome in (OK, UNKNOWN) and
        other.overlaps(operation) for other in writes)


def _apply(operation, state, twice):
    """The state after it, or None if it cannot have had its outcome in this state."""
    present = state not in (NEVER, GONE)
    if operation.outcome == ABSENT:
        return None if present else state
    if operation.kind == "create":
        return tuple(operation.values[name] for name in FIELDS) if state == NEVER else None
    if not present:
        return GONE if state == GONE and twice else None
    if operation.kind == "delete":
        return GONE
    return tuple(operation.values.get(name, old) for name, old in zip(FIELDS, state))


def _first_end(writes, done):
    """When the first of the certain writes that are not done ended."""
    return min((w.end for i, w in enumerate(writes)
                if not done >> i & 1 and w.outcome != UNKNOWN), default=float("inf"))


def possible(writes, final):
    """Whether some order explains every outcome and ends in `final`: NEVER, GONE or the fields."""
    writes = sorted((w for w in writes if w.outcome in (OK, ABSENT, UNKNOWN)),
                    key=lambda w: w.start)
    certain = sum(1 << i for i, w in enumerate(writes) if w.outcome != UNKNOWN)
    twice = [_met_delete(write, writes) for write in writes]
    stack, seen = [(0, NEVER)], {(0, NEVER)}
    while stack:
        done, state = stack.pop()
        if done & certain == certain and state == final:
            return True
        first_end = _first_end(writes, done)
        for i, write in enumerate(writes):
            if write.start > first_end:
                break
            if done >> i & 1:
                continue
            after = _apply(write, state, twice[i])
            step = (done | 1 << i, after)
            if after is not None and step not in seen:
                seen.add(step)
                stack.append(step)
        if len(seen) > TOO_MANY:
            raise TooHard(f"{len(writes)} writes, {len(seen)} states")
    return False
