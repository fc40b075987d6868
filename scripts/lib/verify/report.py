"""What the reader sees: each step as it goes, and the report at the end."""
import time

from api import Failed
from language import either

HELD, BROKEN, SKIPPED = range(3)


def words(result):
    return {HELD: either("held", "bien"), BROKEN: either("FAILED", "FALLO"),
            SKIPPED: either("not run", "sin hacer")}[result]


class Report:
    def __init__(self):
        self._rows = []  # [title, result, seconds, checks]
        self._checks = 0

    def step(self, title, work):
        """Run one step; False if it did not hold."""
        self._rows.append([title, BROKEN, 0.0, 0])
        print(f"\n{len(self._rows)}. {title}", flush=True)
        began, self._checks = time.monotonic(), 0
        try:
            work()
            self._rows[-1][1] = HELD
        except Failed as fault:
            self.bad(str(fault))
        finally:
            self._rows[-1][2:] = time.monotonic() - began, self._checks
        return self._rows[-1][1] == HELD

    def skip(self, title):
        self._rows.append([title, SKIPPED, 0.0, 0])

    def ok(self, english, in_spanish):
        """Something held."""
        self._checks += 1
        print(f"   ok    {either(english, in_spanish)}", flush=True)

    @staticmethod
    def note(english, in_spanish):
        print(f"         {either(english, in_spanish)}", flush=True)

    @staticmethod
    def bad(text):
        print(f"   {words(BROKEN)}  {text}", flush=True)

    def close(self):
        """The table; True if every step held."""
        print("\n" + either("Report", "Informe"))
        for number, (title, result, seconds, checks) in enumerate(self._rows, 1):
            print(f"{number:3}. {title:<58} {words(result):<9} {checks:3} ok {seconds:6.1f} s")
        held = all(result == HELD for _, result, _, _ in self._rows)
        count = sum(row[3] for row in self._rows)
        broken = sum(row[1] == BROKEN for row in self._rows)
        print(either(f"\nEvery step held: {count} checks.", f"\nTodo en orden: {count} comprobaciones.")
              if held else
              either(f"\n{broken} step(s) FAILED.", f"\n{broken} paso(s) con FALLO."), flush=True)
        return held
