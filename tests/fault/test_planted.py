"""The judge of histories finds bugs: each is planted in the daemon (include/relevo/plant.h), and
histories made under faults that bring it to light have violations of its class. The same runs of the
same daemon without a bug have none. RELEVOD has to be the daemon of scripts/build --planted."""
import dataclasses
import re
import subprocess

import pytest

from harness.relevo import relevod_path
from history import nemesis
from history.run import Run

pytestmark = [pytest.mark.planted, pytest.mark.timeout(180)]

ROUNDS = 8    # until a bug has to have shown
SECONDS = 4   # of faults in each
PATIENCE = 4  # with a bug; it may never come right

# Changes of few items, so that writers meet.
BUSY = (("create", 3), ("patch", 50), ("put", 8), ("delete", 3), ("list", 8), ("read", 28))
SHORT_LIVES = (("create", 20), ("patch", 30), ("delete", 16), ("list", 14), ("read", 20))


@dataclasses.dataclass
class Bug:
    name: str
    faults: tuple
    shows: str            # a pattern: what the judge says
    window: bool = False  # the faults aim at a narrow window, and know whether they met it
    workload: dict = dataclasses.field(default_factory=dict)  # of the clients


BUGS = [
    Bug("dropped-operation-id", (nemesis.wake_the_drainer_late,), r"exists \d+ times", True),
    Bug("trim-without-token", (nemesis.wake_the_drainer_late,), "no order of the writes", True),
    Bug("direct-over-pending", (nemesis.hold_rows,), "no order of the writes|went back",
        workload={"weights": BUSY}),
    Bug("version-check-off", (nemesis.stutter,), "went back", workload={"weights": BUSY}),
    Bug("tombstone-ignored", (nemesis.stutter,), "came back", workload={"weights": SHORT_LIVES}),
    Bug("hash-not-updated", (nemesis.stop_mysql,), "'hash_match': False"),
    Bug("accepted-not-queued", (nemesis.kill_mysql,), "no order of the writes"),
    Bug("not-put-back", (nemesis.flush_redis_in_a_quiet_outage,), "no order of the writes", True),
]
each_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


@pytest.fixture(autouse=True, scope="module")
def _planted_daemon():
    version = subprocess.run([relevod_path(), "--version"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    assert "+planted" in version, f"RELEVOD is not the daemon of scripts/build --planted: {version}"


def begin(system, rng, bug, patience=None, **env):
    system.reset()
    limits = {"patience": patience} if patience else {}
    return Run(system, rng, faults=bug.faults, workload={**bug.workload, **limits}, **limits, **env)


def end(run):
    run.stop()
    print(f"{len(run.history.operations)} operations, {run.nemesis.story}, "
          f"{run.nemesis.hits} in the window")
    return run.violations()


@each_bug
def test_a_planted_bug_is_found(system, rng, bug):
    seen = []
    for _ in range(ROUNDS):
        run = begin(system, rng, bug, PATIENCE, RELEVO_PLANT=bug.name)
        run.go(SECONDS)
        seen = end(run)
        print("\n".join(fault[:300] for fault in seen))
        if any(re.search(bug.shows, fault) for fault in seen):
            return
    pytest.fail(f"nobody saw {bug.name}: {seen[:5]}")


@each_bug
def test_without_the_bug_the_same_run_is_fine(system, rng, bug):
    run = begin(system, rng, bug)
    run.go(2 * SECONDS)
    for _ in range(ROUNDS):
        if run.nemesis.hits == 0 and bug.window:
            run.go(SECONDS)
    seen = end(run)
    assert not seen, "\n".join(seen)
    assert run.nemesis.hits > 0 or not bug.window, "no fault met its window"
