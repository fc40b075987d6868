"""Waiting for conditions, never for luck."""
import os
import time

# Sanitizer builds are slower; every upper bound is stretched by this.
SLOW = 4 if any(name in os.environ.get("RELEVOD", "") for name in ("asan", "tsan")) else 1


def wait_until(condition, timeout=10.0, what="condition", pause=0.02):
    """Return the first true value of `condition()`; fail after `timeout` seconds (stretched)."""
    deadline = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            shown = what() if callable(what) else what
            raise AssertionError(f"timed out after {timeout * SLOW:g} s: {shown}")
        time.sleep(pause)
