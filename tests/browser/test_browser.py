"""What users see: the built dashboard, served by a real daemon, in Chromium."""
import time

import pytest

from harness import DASHBOARD, Browser, await_the_same, item, pending_counts, wait_until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def browser(tmp_path):
    return Browser(tmp_path)


def start(system, **env):
    """A daemon with the dashboard, and no wait until it says that all is well."""
    daemon = system.start(RELEVO_STATIC_DIR=DASHBOARD, **env)
    wait_until(lambda: daemon.api.get("/sync/status").json()["is_consistent"], 10, "consistent")
    return daemon


def now_ms():
    return time.time() * 1000


class Outage:
    """What a story may ask for; `when` of /health's change, in the clock of the browser."""

    def __init__(self, system, daemon):
        self.system = system
        self.daemon = daemon

    def actions(self):
        return {"kill_mysql": self.kill, "start_mysql": self.start, "queue_more": self.queue}

    def kill(self):
        self.system.mysql.kill()
        self.daemon.await_health(mysql=False)
        return now_ms()

    def start(self):
        self.system.mysql.start()
        self.daemon.await_health(mysql=True)
        return now_ms()

    def queue(self):
        for number in range(1500):
            assert self.daemon.api.post("/items", item(code=f"Q-{number}")).status == 202


def test_an_outage_as_a_user_sees_it(system, browser):
    daemon = start(system)
    browser.play("outage", daemon.url, Outage(system, daemon).actions())
    rows = await_the_same(system, [daemon])
    ours = sorted(row[:4] for row in rows.values() if row[0].startswith("PC-"))
    assert ours == [("PC-1", "Computadora", "Operativa", "Taller"),
                    ("PC-2", "Computadora", "En reparación", "Taller")]
    assert len(rows) == 1502
    assert pending_counts(daemon) == (0, 0, 0)
