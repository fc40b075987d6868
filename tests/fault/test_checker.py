"""The judge of histories judged: legal ones pass, each kind of illegal one is found."""
import itertools

import pytest

from history import checker, linear
from history.record import ABSENT, OK, REFUSED, UNKNOWN, Operation


class Story:
    """A history told by hand: each operation lasts from `at` for `lasts`."""

    def __init__(self):
        self.operations = []

    def add(self, kind, values=None, at=0.0, lasts=0.5, outcome=OK, client="c", instance="a",
            code="X"):
        operation = Operation(client, instance, kind, code, values or {}, at,
                              None if outcome == UNKNOWN else at + lasts, outcome,
                              number=len(self.operations))
        self.operations.append(operation)
        return self

    def create(self, at=0.0, status="s0", area="a0", **more):
        return self.add("create", {"status": status, "area": area}, at, **more)

    def faults(self, *final):
        return checker.check(self.operations, [("X", *row) for row in final])


def put(status, area):
    return {"status": status, "area": area}


# --- what is left in the table ---

def test_a_quiet_life_is_legal():
    story = Story().create().add("patch", {"area": "a1"}, 1).add("put", put("s2", "a2"), 2)
    assert story.faults(("s2", "a2")) == []
    assert story.add("delete", at=3).faults() == []


def test_an_acknowledged_create_that_is_lost_is_found():
    assert Story().create().faults()


def test_a_doubled_create_is_found():
    assert "exists 2 times" in Story().create().faults(("s0", "a0"), ("s0", "a0"))[0]


def test_an_item_that_nobody_created_is_found():
    assert Story().faults(("s0", "a0"))


def test_a_lost_update_is_found():
    story = Story().create().add("patch", {"area": "a1"}, 1)
    assert story.faults(("s0", "a0"))
    assert story.faults(("s0", "a1")) == []


def test_a_resurrected_item_is_found():
    assert Story().create().add("delete", at=1).faults(("s0", "a0"))


def test_an_update_applied_out_of_order_is_found():
    story = Story().create().add("patch", {"area": "a1"}, 1).add("patch", {"area": "a2"}, 2)
    assert story.faults(("s0", "a1"))
    assert story.faults(("s0", "a2")) == []


def test_concurrent_updates_may_go_either_way_but_not_mix_what_a_put_sets():
    story = Story().create().add("put", put("s1", "a1"), 1, 1).add("put", put("s2", "a2"), 1.5, 1)
    assert story.faults(("s1", "a1")) == []
    assert story.faults(("s2", "a2")) == []
    assert story.faults(("s1", "a2"))


def test_patches_of_different_fields_both_hold():
    story = Story().create().add("patch", {"area": "a1"}, 1, 1).add("patch", {"status": "s1"}, 1.5)
    assert story.faults(("s1", "a1")) == []
    assert story.faults(("s1", "a0"))


def test_an_unknown_outcome_may_be_either():
    story = Story().create().add("patch", {"area": "a1"}, 1, outcome=UNKNOWN)
    assert story.faults(("s0", "a1")) == []
    assert story.faults(("s0", "a0")) == []
    assert story.faults(("s0", "a2"))


def test_an_unknown_write_may_happen_after_a_later_one():
    story = Story().create().add("patch", {"area": "a1"}, 1, outcome=UNKNOWN)
    story.add("patch", {"area": "a2"}, 3)
    assert story.faults(("s0", "a1")) == []


def test_an_unknown_create_is_there_once_or_not():
    story = Story().create(outcome=UNKNOWN)
    assert story.faults() == []
    assert story.faults(("s0", "a0")) == []
    assert story.faults(("s0", "a0"), ("s0", "a0"))


def test_a_refused_write_leaves_nothing():
    story = Story().create().add("patch", {"area": "a1"}, 1, outcome=REFUSED)
    assert story.faults(("s0", "a0")) == []
    assert story.faults(("s0", "a1"))


def test_an_item_that_is_there_is_not_absent_for_a_write():
    story = Story().create().add("patch", {"area": "a1"}, 1, outcome=ABSENT)
    assert story.faults(("s0", "a0"))
    story.add("delete", at=1.2)
    assert story.faults() == []


def test_a_done_write_to_a_deleted_item_is_found():
    story = Story().create().add("delete", at=1).add("patch", {"area": "a1"}, 2)
    assert story.faults()


def test_two_deletes_are_done_only_if_one_was_queued_during_the_other():
    story = Story().create().add("delete", at=1).add("delete", at=1.2)
    assert story.faults()
    story.operations[-1].status = 202
    assert story.faults() == []
    story.operations[-1].start, story.operations[-1].end = 2, 3
    assert story.faults()


def test_what_overlaps_too_much_is_not_called_fine():
    story = Story().create()
    for n in range(40):
        story.add("patch", {"area": f"a{n + 1}", "status": f"s{n + 1}"}, 1, 9)
    with pytest.raises(linear.TooHard):
        story.faults(("other", "other"))


def test_the_search_agrees_with_trying_every_order(rng):
    """Small random histories, judged by brute force as well."""
    verdicts = set()
    for _ in range(300):
        writes = _random_writes(rng)
        final = rng.choice([linear.NEVER, linear.GONE, *itertools.product("012", "012")])
        wanted = _by_force(writes, final)
        assert linear.possible(writes, final) == wanted, (writes, final)
        verdicts.add(wanted)
    assert verdicts == {True, False}


def _random_writes(rng):
    writes = [Operation("c", "a", "create", "X", {"status": "0", "area": "0"}, 0.0, 0.1, OK)]
    for _ in range(rng.randrange(5)):
        kind = rng.choice(["patch", "patch", "put", "delete"])
        values = {"patch": {rng.choice(["status", "area"]): rng.choice("12")},
                  "put": put(rng.choice("12"), rng.choice("12")), "delete": {}}[kind]
        outcome = rng.choice([OK, OK, OK, ABSENT, UNKNOWN, REFUSED])
        start = rng.random() * 3
        end = None if outcome == UNKNOWN else start + rng.random()
        writes.append(Operation("c", "a", kind, "X", values, start, end, outcome))
    return writes


def _by_force(writes, final):
    certain = [w for w in writes if w.outcome in (OK, ABSENT)]
    unknown = [w for w in writes if w.outcome == UNKNOWN]
    for count in range(len(unknown) + 1):
        for some in itertools.combinations(unknown, count):
            for order in itertools.permutations(certain + list(some)):
                if _in_time(order) and _replay(order) == final:
                    return True
    return False


def _in_time(order):
    return not any(later.end is not None and later.end < earlier.start
                   for i, earlier in enumerate(order) for later in order[i + 1:])


def _replay(order):
    state = linear.NEVER
    for write in order:
        there = isinstance(state, tuple)
        if write.outcome == ABSENT:
            if there:
                return None
        elif write.kind == "create":
            state = (write.values["status"], write.values["area"])
        elif not there:
            return None
        elif write.kind == "delete":
            state = linear.GONE
        else:
            state = (write.values.get("status", state[0]), write.values.get("area", state[1]))
    return state


# --- what was read ---

def test_reading_the_latest_is_legal():
    story = Story().create().add("patch", {"area": "a1"}, 1)
    story.add("read", put("s0", "a1"), 2).add("list", {"X": put("s0", "a1")}, 3, code="")
    assert story.faults(("s0", "a1")) == []


def test_another_client_may_see_the_old_value_for_a_while():
    story = Story().create().add("patch", {"area": "a1"}, 1)
    story.add("read", put("s0", "a0"), 2, client="d", instance="b")
    assert story.faults(("s0", "a1")) == []


def test_not_seeing_ones_own_write_is_found():
    story = Story().create().add("patch", {"area": "a1"}, 1).add("read", put("s0", "a0"), 2)
    assert "went back" in story.faults(("s0", "a1"))[0]


def test_a_client_that_sees_an_instance_go_back_is_found():
    story = Story().create(client="w", instance="b")
    story.add("patch", {"area": "a1"}, 1, client="w", instance="b")
    story.add("read", put("s0", "a1"), 2).add("list", {"X": put("s0", "a0")}, 3, code="")
    assert "went back" in story.faults(("s0", "a1"))[0]


def test_values_from_nowhere_are_found():
    story = Story().create().add("read", put("s0", "other"), 1)
    assert "nobody wrote" in story.faults(("s0", "a0"))[0]


def test_a_value_read_before_it_was_written_is_found():
    story = Story().create().add("read", put("s0", "a1"), 1).add("patch", {"area": "a1"}, 2)
    assert "nobody wrote" in story.faults(("s0", "a1"))[0]


def test_a_refused_value_that_is_shown_is_found():
    story = Story().create().add("patch", {"area": "a1"}, 1, outcome=REFUSED)
    story.add("read", put("s0", "a1"), 2)
    assert "refused" in story.faults(("s0", "a0"))[0]


@pytest.mark.parametrize("kind", ["read", "list"])
def test_an_item_that_vanishes_is_found(kind):
    story = Story().create()
    if kind == "read":
        story.add("read", at=1, outcome=ABSENT)
    else:
        story.add("list", {}, 1, code="")
    assert "vanished" in story.faults(("s0", "a0"))[0]


def test_an_item_may_be_absent_while_somebody_deletes_it():
    story = Story().create().add("delete", at=1, lasts=5, client="d").add("list", {}, 2, code="")
    assert story.faults() == []


def test_an_item_that_comes_back_after_its_delete_is_found():
    story = Story().create().add("delete", at=1).add("read", put("s0", "a0"), 2)
    assert "came back" in story.faults()[0]


# --- dead letters ---

def letter(reason="gone"):
    return {"reason": reason, "base": None, "data": {"area": "a1"}}


def test_an_update_that_met_a_delete_explains_its_letter():
    story = Story().create().add("patch", {"area": "a1"}, 1, 1).add("delete", at=1.5, lasts=1)
    assert checker.check_dead_letters(story.operations, [letter()]) == []
    assert checker.check_dead_letters(story.operations, [letter("conflict")])


def test_a_letter_of_an_update_long_before_the_delete_is_found():
    story = Story().create().add("patch", {"area": "a1"}, 1).add("delete", at=2)
    assert checker.check_dead_letters(story.operations, [letter()])
