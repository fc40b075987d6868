"""Random faults of the servers, one after another, under clients whose every operation is judged.

scripts/soak has those of the instances too. They stay out here as long as an instance that starts
during a drain may show deleted items for a few milliseconds (found by scripts/soak, open).
"""
from history.nemesis import SERVER_FAULTS
from history.run import Run

SECONDS = 40


def test_random_faults_break_no_promise(system, rng):
    run = Run(system, rng, faults=SERVER_FAULTS)
    try:
        run.go(SECONDS, print)
    finally:
        run.stop()
    faults = run.violations()
    assert len(run.history.operations) > 200
    assert not faults, f"{len(faults)} violations:\n" + "\n".join(faults[:10])
