"""What users see: the built dashboard, served by a real daemon, in Chromium."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import DASHBOARD, Browser, await_the_same, item, pending_counts, wait_until

pytestmark = pytest.mark.timeout(180)

MORE = 3000  # items in an outage; outage.mjs knows how many there are then


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
        """So many that their drain takes long enough to be seen."""
        def post(number):
            return self.daemon.api.post("/items", item(code=f"Q-{number}")).status
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(post, range(MORE))) == {202}

    def change(self, path):
        assert self.daemon.api.patch(path, {"area": "Taller"}).status == 202


def test_an_outage_as_a_user_sees_it(system, browser):
    daemon = start(system)
    browser.play("outage", daemon.url, Outage(system, daemon).actions())
    rows = await_the_same(system, [daemon])
    ours = sorted(row[:4] for row in rows.values() if row[0].startswith("PC-"))
    assert ours == [("PC-1", "Computadora", "Operativa", "Taller"),
                    ("PC-2", "Computadora", "En reparación", "Taller")]
    assert len(rows) == MORE + 2
    assert pending_counts(daemon) == (0, 0, 0)


def test_both_languages(system, browser):
    browser.play("languages", start(system).url)


def test_the_reference_of_the_api(system, browser):
    browser.play("reference", start(system).url)
    assert [row[0] for row in system.mysql.items().values()] == ["PC-01"]


def test_the_keyboard_alone(system, browser):
    daemon = start(system)
    browser.play("keyboard", daemon.url)
    assert [row[0] for row in system.mysql.items().values()] == ["KB-1"]


def test_fifty_thousand_items_and_files(system, browser):
    daemon = start(system)
    system.mysql.sql("INSERT INTO items (code, type, status, area) SELECT CONCAT('N-', seq), "
                     "'Computadora', 'Operativa', 'Sala 1' FROM seq_1_to_50000")
    assert daemon.api.post("/sync/run").status in (202, 409)
    wait_until(lambda: daemon.api.get("/sync/status").json()["cache_items"] == 50_000, 30, "items")
    browser.play("csv", daemon.url)
    rows = [row for row in system.mysql.items().values() if row[0].startswith("IM-")]
    assert sorted(row[0] for row in rows) == sorted(f"IM-{n}" for n in range(200))
    assert {row[1:4] for row in rows} == {("Impresora", "Dañada; a revisar", "Área 2")}


def leave_a_letter(system, daemon):
    """An item PC-1, and a dead letter of an update that lost to nobody: its row is gone."""
    for code in ("PC-1", "PC-2"):
        daemon.api.post("/items", item(code=code))
    system.mysql_down()
    assert daemon.api.patch("/items/2", {"area": "Sala 9"}).status == 202
    daemon.pause()
    system.mysql.start()
    system.mysql.sql("DELETE FROM items WHERE id = 2")
    daemon.resume()
    system.await_up()
    wait_until(lambda: daemon.api.get("/sync/dead").json()["count"] == 1, 10, "a dead letter")
    wait_until(lambda: daemon.api.get("/sync/status").json()["is_consistent"], 10, "consistent")


def test_axe_finds_nothing_serious(system, browser):
    daemon = start(system)
    leave_a_letter(system, daemon)
    outage = Outage(system, daemon)
    browser.play("accessibility", daemon.url,
                 {**outage.actions(), "change": lambda: outage.change("/items/1")})


def test_a_phone(system, browser):
    daemon = start(system)
    leave_a_letter(system, daemon)
    browser.play("phone", daemon.url)


def test_signing_in_and_what_each_role_may(system, browser, tmp_path):
    """The letter is made before the daemon asks for tokens."""
    daemon = start(system)
    leave_a_letter(system, daemon)
    daemon.stop()
    tokens = {role: f"{role}-token" for role in ("read", "write", "admin")}
    path = tmp_path / "tokens"
    path.write_text("".join(f"{token}:{role}\n" for role, token in tokens.items()), "ascii")
    path.chmod(0o600)
    daemon.start(RELEVO_TOKEN_FILE=str(path))
    browser.play("access", daemon.url, tokens=tokens)
