"""Faults at random under 12 clients on three instances, and the verdict on every operation; the
short version of scripts/soak."""
import pytest

from history.run import Run

SECONDS = 75


@pytest.mark.timeout(300)
def test_random_faults(system, rng):
    run = Run(system, rng)
    try:
        run.go(SECONDS, print)
    finally:
        run.stop()
    run.judge()
    assert len(run.history.operations) > 1000
    assert len(run.nemesis.story) > 5
