"""Random faults, one after another, under clients whose every operation is judged afterwards."""
from history.run import Run

SECONDS = 60


def test_random_faults_break_no_promise(system, rng):
    run = Run(system, rng)
    try:
        run.go(SECONDS, print)
    finally:
        run.stop()
    faults = run.violations()
    assert len(run.history.operations) > 500
    assert not faults, f"{len(faults)} violations:\n" + "\n".join(faults[:10])
