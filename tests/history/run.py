"""Clients on several instances, a nemesis, and the verdict."""
import gc
import random
import time

from harness.checks import await_cache_exact, await_consistent, items_of

from . import checker
from .clients import HistoryClient, Shared
from .nemesis import Nemesis, heal
from .record import History


# Where it lasts answers wait for the snapshot, else they do not even wait for the log.
BUDGETS = ("16MiB", "1KiB", "64KiB")


class Lie(AssertionError):
    """Something was lost, doubled, denied or shown as it never was: no slow machine excuses that, and
    another run of the test, with other faults at other times, says nothing about it."""


class Run:
    """`faults` are those of the nemesis; `workload`: weights and timeout of the clients. Whatever
    does not come right within `patience` seconds after healing is a violation."""

    def __init__(self, system, rng, clients=12, instances=3, faults=None, workload=None,
                 patience=15, RELEVO_REDIS_TIMEOUT="1500ms", **env):
        # A Redis that a busy machine holds up is none that the nemesis broke: with MySQL down as
        # well a refusal would be right, and a false alarm.
        self.system = system
        self.patience = patience
        self.history = History()
        self.broken = []  # what did not come right again
        self.nemesis = Nemesis(system, random.Random(rng.random()), faults)
        for n in range(instances):
            system.start(clock=True, proxied=True, RELEVO_REDIS_TIMEOUT=RELEVO_REDIS_TIMEOUT,
                         **{"RELEVO_PUBLISH_BUDGET": BUDGETS[n % len(BUDGETS)], **env})
        # Going through what a history holds takes Python seconds, in which no proxy moves a byte.
        gc.disable()
        self.shared = Shared(self.history, system.daemons, self.nemesis.down, **workload or {})
        self.clients = [HistoryClient(f"C{n}", self.shared, random.Random(rng.random()))
                        for n in range(clients)]
        self.nemesis.clients, self.nemesis.aside = self.clients, self.shared.aside
        for client in self.clients:
            client.start()

    def go(self, seconds, report=lambda text: None):
        """Faults until the time is over, a client gives up, or a fault cannot be mended."""
        end = time.monotonic() + seconds
        while (time.monotonic() < end and not self.broken and
               not any(client.fault for client in self.clients)):
            self.nemesis.pause(0.2, 1)
            try:
                name, took = self.nemesis.one()
            except AssertionError as fault:
                self.broken.append(f"after '{self.nemesis.story[-1]}': {fault}")
                break
            report(f"{name} ({took:.1f} s), {len(self.history.operations)} operations")

    def stop(self):
        for client in self.clients:
            client.halt.set()
        try:
            self.come_right(heal, "healed")
            for client in self.clients:
                client.join(timeout=90)
                assert not client.is_alive(), f"{client.name} hangs"
            # An answer that took long may have been a 202: what it queued is not in MySQL yet.
            self.come_right(lambda system, patience: system.await_drained(patience), "drained")
        finally:
            gc.enable()

    def come_right(self, how, what):
        try:
            how(self.system, self.patience)
        except AssertionError as fault:
            self.broken.append(f"not {what}: {fault}")

    def lies(self):
        """Every operation with an answer that no order of all of them explains."""
        final = [(row[0], row[2], row[3]) for row in self.system.mysql.items().values()]
        return checker.check(self.history.operations, final)

    def violations(self):
        """Everything that is wrong with the run; stop it first."""
        faults = [f"{client.name}: {client.fault!r}" for client in self.clients if client.fault]
        faults += [f"refused: {text}" for text in self.shared.refusals] + self.broken
        if not self.system.mysql.running:
            return faults or ["MySQL does not run"]
        return faults + self.lies() + self.dead_letters() + self.caches()

    def judge(self):
        if self.system.mysql.running and (lies := self.lies() + self.dead_letters()):
            raise Lie("\n".join(lies))
        faults = self.violations()
        assert not faults, "\n".join(faults)

    def dead_letters(self):
        letters = self.system.daemons[0].api.get("/sync/dead").json()["data"]
        return checker.check_dead_letters(self.history.operations, letters)

    def caches(self):
        """Redis, its hash, MySQL and each instance hold the same."""
        faults = []
        rows = self.system.mysql.items()
        for daemon in self.system.daemons:
            try:
                await_consistent(daemon, self.patience)
                await_cache_exact(self.system, daemon, self.patience)
                shown = {row["id"]: row["code"] for row in items_of(daemon)}
                assert shown == {key: row[0] for key, row in rows.items()}, "not the rows of MySQL"
            except AssertionError as fault:
                faults.append(f"{daemon.name}: {fault}")
                break  # the others wait for the same
        return faults
