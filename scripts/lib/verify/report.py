"""What the reader sees: each step as it goes, and the report at the end."""
import os
import sys
import time
import traceback

from api import Failed
from language import either

HELD, BROKEN, SKIPPED = range(3)


def say(text, stream=None):
    """Print. Where nobody can read on, at a closed pipe or terminal, the run goes on all the same."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def words(result):
    return {HELD: either("held", "bien"), BROKEN: either("FAILED", "FALLO"),
            SKIPPED: either("not run", "omitido")}[result]


class Report:
    def __init__(self):
        self._rows = []  # [title, result, seconds, checks]
        self._checks = 0

    def step(self, title, work):
        """Run one step; False if it did not hold."""
        self._rows.append([title, BROKEN, 0.0, 0])
        say(f"\n{len(self._rows)}. {title}")
        began, self._checks = time.monotonic(), 0
        try:
            work()
            self._rows[-1][1] = HELD
        except Failed as fault:
            self.bad(str(fault))
        except Exception as fault:  # whatever an answer led us into
            where = traceback.extract_tb(fault.__traceback__)[-1]
            self.bad(f"{fault!r} ({os.path.basename(where.filename)}:{where.lineno})")
        finally:
            self._rows[-1][2:] = time.monotonic() - began, self._checks
        return self._rows[-1][1] == HELD

    def skip(self, title):
        self._rows.append([title, SKIPPED, 0.0, 0])

    def ok(self, english, in_spanish):
        """Something held."""
        self._checks += 1
        say(f"   ok    {either(english, in_spanish)}")

    @staticmethod
    def note(english, in_spanish):
        say(f"         {either(english, in_spanish)}")

    @staticmethod
    def bad(text):
        say(f"   {words(BROKEN)}  {text}")

    def close(self):
        """The table; True if every step held."""
        say("\n" + either("Report", "Informe"))
        for number, (title, result, seconds, checks) in enumerate(self._rows, 1):
            say(f"{number:3}. {title:<58} {words(result):<9} {checks:3} ok {seconds:6.1f} s")
        held = all(result == HELD for _, result, _, _ in self._rows)
        count = sum(row[3] for row in self._rows)
        broken = sum(row[1] == BROKEN for row in self._rows)
        say(either(f"\nEvery step held: {count} checks.", f"\nTodo en orden: {count} comprobaciones.")
            if held else
            either(f"\n{broken} step(s) FAILED.", f"\n{broken} paso(s) con FALLO."))
        return held
