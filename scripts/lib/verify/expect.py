"""What an answer has to be; `Failed` says what it is instead."""
import datetime
import email.utils
import math
import re
import time
import urllib.parse

from api import Failed
from language import either

FIELDS = ("code", "type", "status", "area", "acquisition_date")
ITEM_KEYS = ["id", *FIELDS, "version", "updated_at"]
OPERATION_KEYS = ["operation", "kind", "state", "item_id", "accepted_at", "applied_at"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CACHED = ("REDIS_CACHE", "MySQL")  # what GET reads; MySQL if the system is set up that way
CLOCKS = datetime.timedelta(days=1)  # by which those of the system may differ
MISSED = 1e-6  # the chance that a check passes although one of the instances always answers wrong
FEWEST = 4     # answers, however few instances there are said to be


def same(found, wanted, what):
    if found != wanted:
        raise Failed(either(f"{what}: is {found!r}, should be {wanted!r}",
                            f"{what}: es {found!r}, debería ser {wanted!r}"))


def holds(condition, english, in_spanish):
    if not condition:
        raise Failed(either(english, in_spanish))


def status(answer, wanted):
    """The status; returns the document."""
    same(answer.status, wanted, str(answer))
    return answer.json()


def member(document, name, what):
    if name not in document:
        raise Failed(either(f"{what}: no field {name!r}", f"{what}: falta el campo {name!r}"))
    return document[name]


def is_time(value, what):
    """The moment."""
    try:
        if isinstance(value, str) and TIME.fullmatch(value):
            return datetime.datetime.fromisoformat(value[:-1] + "+00:00")
    except ValueError:
        pass
    raise Failed(either(f"{what}: no time: {value!r}", f"{what}: no es una fecha con hora: {value!r}"))


def recent(answer, value, what):
    """A time of this run, by the clock of whoever answered."""
    moment, date = is_time(value, what), answer.headers.get("Date")
    now = (email.utils.parsedate_to_datetime(date) if date
           else datetime.datetime.now(datetime.timezone.utc))
    holds(abs(moment - now) < CLOCKS, f"{what}: is {value}, asked at {now}",
          f"{what}: es {value}, consultado el {now}")


def item(answer, shown, values, pending):
    """An item of ours with all fields in their order, these values, and the mark if it waits."""
    what = answer.request
    holds(isinstance(shown, dict), f"{what}: no item: {shown!r}", f"{what}: no es un ítem: {shown!r}")
    same(list(shown), ITEM_KEYS + ["pending"] * pending, either(f"{what}: fields", f"{what}: campos"))
    for name in FIELDS:
        same(shown[name], values[name], f"{what}: {name}")
    if pending:
        same(shown["pending"], True, f"{what}: pending")
    if isinstance(shown["id"], str):
        same(shown["version"], 0, f"{what}: version")
    else:
        final_id(shown["id"], what)
    holds(type(shown["version"]) is int, f"{what}: version {shown['version']!r}",
          f"{what}: versión {shown['version']!r}")
    recent(answer, shown["updated_at"], f"{what}: updated_at")


def in_order(data, what):
    """Each item once, by ascending id, those with temporary ids last. The ids."""
    holds(all(isinstance(one, dict) and isinstance(one.get("id"), (int, str)) for one in data),
          f"{what}: not all are items with ids", f"{what}: no todos son ítems con id")
    ids = [one["id"] for one in data]
    final, temporary = ([one for one in ids if isinstance(one, kind)] for kind in (int, str))
    holds(ids == sorted(set(final)) + temporary and len(temporary) == len(set(temporary)),
          f"{what}: an id twice, or not in order", f"{what}: un id repetido o fuera de orden")
    return set(ids)


def final_id(value, what):
    holds(type(value) is int and value > 0, f"{what}: {value!r} is no final id",
          f"{what}: {value!r} no es un id definitivo")


def location(answer, item_id):
    """The header may be absolute."""
    path = urllib.parse.urlsplit(answer.headers.get("Location", "")).path
    holds(path.endswith(f"/items/{item_id}"),
          f"{answer.request}: Location {answer.headers.get('Location')!r} is not that of {item_id}",
          f"{answer.request}: Location {answer.headers.get('Location')!r} no es la de {item_id}")


def accepted(answer):
    """The answer to a write of the outage: 202 with an operation. The document."""
    document = status(answer, 202)
    same(member(document, "source", str(answer)), "REDIS_BACKUP", f"{answer.request}: source")
    same(member(document, "status", str(answer)), "pending", f"{answer.request}: status")
    holds(isinstance(document.get("operation"), str) and document["operation"],
          f"no operation: {answer}", f"falta la operación: {answer}")
    return document


def operation(document, op, kind, state):
    """But its item, which depends on what became of it."""
    same(list(document), OPERATION_KEYS, f"/operations/{op}")
    for name, wanted in (("operation", op), ("kind", kind), ("state", state)):
        same(document[name], wanted, f"/operations/{op}: {name}")
    is_time(document["accepted_at"], f"/operations/{op}: accepted_at")
    if state == "pending":
        same(document["applied_at"], None, f"/operations/{op}: applied_at")
    else:
        is_time(document["applied_at"], f"/operations/{op}: applied_at")


def answers_needed(instances, rows):
    """How many good answers in a row tell that all instances are well. Nothing in an answer says whose
    it is, and a load balancer may pick at random: one that is wrong is missed by a row of k with the
    chance (1 - 1/instances)^k, and has `rows` chances."""
    if instances < 2:
        return FEWEST
    return max(FEWEST, math.ceil(math.log(MISSED / rows) / math.log(1 - 1 / instances)))


def until(look, limit_s, what, instances=None, pause_s=0.1):
    """Repeat `look` until it does not fail; its last value. With `instances`, until it has not failed so
    many times in a row that each of them was asked. They follow each other in a moment: that is what
    the time is for. A row begins after a pause, so their number is known."""
    in_a_row = answers_needed(instances, limit_s / pause_s + 2) if instances else 1
    deadline = time.monotonic() + limit_s
    good = 0
    while True:
        try:
            value = look()
            good += 1
            if good >= in_a_row:
                return value
            continue
        except Failed as fault:
            good = 0
            if time.monotonic() > deadline:
                raise Failed(either(f"{what}: not within {limit_s:g} s: {fault}",
                                    f"{what}: no se alcanzó en {limit_s:g} s: {fault}")) from fault
        time.sleep(pause_s)
