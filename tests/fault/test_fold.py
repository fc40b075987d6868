"""Every short sequence of changes offline leaves what it leaves online."""
import itertools

import pytest

from harness import item, item_key, items_of, row_of, wait_until

STEPS = {
    "p": ("PATCH", {"area": "patched"}),
    "q": ("PATCH", {"status": "too", "acquisition_date": None}),
    "r": ("PUT", item(code="replaced", area="replaced")),
    "d": ("DELETE", None),
}
SEQUENCES = ["".join(steps) for length in range(5) for steps in itertools.product("pqrd", repeat=length)
             if "d" not in "".join(steps)[:-2]]


def play(daemon, path, steps):
    """The statuses, 202 as 200."""
    told = []
    for step in steps:
        method, body = STEPS[step]
        status = daemon.api.request(method, path, body).status
        told.append(200 if status == 202 else status)
    return told


def outcome(steps):
    """What an online run leaves (None: nothing), and what it answers."""
    row, told = item(), []
    for step in steps:
        method, body = STEPS[step]
        told.append(404 if row is None else 200)
        if row is not None:
            row = None if method == "DELETE" else {**row, **body} if method == "PATCH" else body
    return row and row_of(row), told


@pytest.mark.parametrize("where", ["online", "offline", "offline on a temporary item", "half and half"])
def test_every_sequence_leaves_what_an_online_run_leaves(system, relevo, where):
    wanted, paths = {}, {}
    if where == "offline on a temporary item":
        system.mysql_down()
    for steps in SEQUENCES:
        paths[steps] = item_key(relevo.api.post("/items", item()).data)
    if where == "half and half":
        halves = {steps: play(relevo, paths[steps], steps[:len(steps) // 2]) for steps in SEQUENCES}
    if where in ("offline", "half and half"):
        system.mysql_down()
    for steps in SEQUENCES:
        row, told = outcome(steps)
        if where == "half and half":
            assert halves[steps] + play(relevo, paths[steps], steps[len(steps) // 2:]) == told, steps
        else:
            assert play(relevo, paths[steps], steps) == told, steps
        wanted[steps] = row
    before = {steps: relevo.api.get(path) for steps, path in paths.items()}
    for steps, answer in before.items():
        assert answer.status == (404 if wanted[steps] is None else 200), steps
        if wanted[steps] is not None:
            assert row_of(answer.data) == wanted[steps], steps
    system.mysql_up()
    rows = system.mysql.items()
    found = {}
    for steps, path in paths.items():
        answer = relevo.api.get(path)
        found[steps] = row_of(answer.data) if answer.status == 200 else None
        if answer.status == 200:
            assert rows[answer.data["id"]][:5] == found[steps]
    assert found == wanted
    assert len(rows) == sum(row is not None for row in wanted.values())


def test_nothing_deleted_is_resurrected_by_a_restart(system, relevo):
    for n in range(1, 6):
        relevo.api.post("/items", item(code=f"C-{n}"))
    system.mysql_down()
    for n in range(1, 6):
        relevo.api.patch(f"/items/{n}", {"area": "x"})
        if n % 2:
            assert relevo.api.delete(f"/items/{n}").status == 202
    relevo.kill()
    relevo.start(wait="up")
    relevo.await_health(redis=True)
    assert [shown["id"] for shown in items_of(relevo)] == [2, 4]
    system.mysql_up()
    assert {n: row[3] for n, row in system.mysql.items().items()} == {2: "x", 4: "x"}
    wait_until(lambda: [shown["id"] for shown in items_of(relevo)] == [2, 4], 5, "shown")
