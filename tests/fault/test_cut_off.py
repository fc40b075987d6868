"""One instance is cut off from one server, while the others are not: it goes on, nobody's write is
overtaken by an older one, and when it is back all are equal."""
import contextlib

import pytest

from harness import SLOW, Crowd, await_the_same, item, items_of, pending_counts, wait_until

WAYS = {
    "refused": lambda proxy: proxy.down(),
    "silent": lambda proxy: proxy.stall(),      # nothing passes, not even an end
    "answers-lost": lambda proxy: proxy.stall("client"),
}
every_way = pytest.mark.parametrize("way", WAYS)
each_server = pytest.mark.parametrize("server", ["mysql", "redis"])


@pytest.fixture
def daemons(system):
    return [system.start(proxied=True) for _ in range(3)]


class Client:
    """One client that asks any instance, one request after another: what it did last counts."""

    def __init__(self, daemons, rng):
        self.daemons = daemons
        self.rng = rng
        self.items = {}   # code -> (path, status, area)
        self.count = 0
        self.codes = []   # of the answers

    def create(self, daemon):
        code = f"C-{self.count}"
        answer = daemon.api.post("/items", item(code=code, status="new", area="new"))
        assert answer.status in (201, 202), (daemon.name, answer)
        self.items[code] = (f"/items/{answer.data['id']}", "new", "new")
        return code, answer

    def change(self, daemon, code, kind):
        path, status, area = self.items.pop(code)
        if kind == "delete":
            answer = daemon.api.delete(path)
        elif kind == "put":
            status = area = f"w{self.count}"
            answer = daemon.api.put(path, item(code=code, status=status, area=area))
        else:
            area = f"w{self.count}"
            answer = daemon.api.patch(path, {"area": area})
        assert answer.status in (200, 202), (daemon.name, kind, path, answer)
        if kind != "delete":
            self.items[code] = (path, status, area)
        return code, answer

    def step(self, daemon=None):
        self.count += 1
        daemon = daemon or self.rng.choice(self.daemons)
        if len(self.items) < 3 or self.rng.random() < 0.15:
            code, answer = self.create(daemon)
        else:
            code, answer = self.change(daemon, self.rng.choice(list(self.items)[-3:]), self.rng.choice(
                ("patch", "patch", "patch", "put", "put", "delete")))
        self.codes.append(answer.status)
        # What it wrote it sees, there where it wrote.
        shown = {row["code"]: row for row in items_of(daemon)}.get(code)
        wanted = self.items[code][1:] if code in self.items else None
        assert (shown and (shown["status"], shown["area"])) == wanted, (daemon.name, shown, answer)

    def check(self, rows):
        assert {row[0]: row[2:4] for row in rows.values()} \
            == {code: (status, area) for code, (_, status, area) in self.items.items()}


@each_server
@every_way
def test_one_client_asks_all_of_them(system, daemons, server, way, rng):
    client = Client(daemons, rng)
    off = daemons[1]
    for _ in range(20):
        client.step()
    for _ in range(2):
        WAYS[way](getattr(off, server))
        client.step(off)  # before it has seen it
        for _ in range(10):
            client.step()
        off.await_health(**{server: False})
        client.codes.clear()
        for _ in range(60):
            client.step()
        others = [daemon for daemon in daemons if daemon is not off]
        assert [daemon.health()["status"] for daemon in others] == ["healthy"] * 2
        getattr(off, server).up()
        for _ in range(30):
            client.step()
    client.check(await_the_same(system, daemons))


@each_server
@every_way
def test_reads_go_on_at_once(system, daemons, server, way):
    off = daemons[0]
    for n in range(3):
        assert off.api.post("/items", item(code=f"C-{n}")).status == 201
    WAYS[way](getattr(off, server))
    for path in ("/items", "/items/1", "/items?code=C-2", "/health", "/sync/status", "/metrics"):
        assert off.api.get(path).status == 200
    off.await_health(**{server: False})
    for path in ("/items", "/items/1", "/items?code=C-2", "/health"):
        answer = off.api.get(path)
        assert answer.status == 200 and "stale" not in answer.json()
    getattr(off, server).up()
    await_the_same(system, daemons)


@each_server
@every_way
def test_crowds_on_all_of_them(system, daemons, server, way, rng):
    """Everyone asks any instance, and each in turn is cut off."""
    crowd = Crowd(9, [daemon.port for daemon in daemons], rng)
    for off in daemons:
        WAYS[way](getattr(off, server))
        off.await_health(timeout=10 * SLOW, **{server: False})
        seen = crowd.count
        wait_until(lambda s=seen: crowd.count > s + 100, 30, "writes")
        getattr(off, server).up()
        system.await_up(drained=False)
    crowd.stop()
    assert set(crowd.codes) <= {200, 201, 202}, crowd.codes
    system.await_up()
    crowd.check(system)
    await_the_same(system, daemons)


def test_who_is_cut_off_from_mysql_does_not_hold_up_its_own_writes(system, daemons):
    """The others drain what it queued."""
    off, other = daemons[:2]
    made = off.api.post("/items", item()).data
    off.mysql.down()
    off.await_health(mysql=False)
    answer = off.api.patch(f"/items/{made['id']}", {"area": "queued"})
    assert answer.status == 202
    operation = answer.json()["operation"]
    for daemon in (off, other):
        wait_until(lambda d=daemon: d.api.get(f"/operations/{operation}").json()["state"] == "applied",
                   5, "it is applied")
        assert daemon.api.get(f"/items/{made['id']}").data["area"] == "queued"
    assert off.health()["mysql"] is False
    off.mysql.up()
    await_the_same(system, daemons)


def test_what_others_drained_meanwhile_is_shown_once(system, daemons):
    """Without Redis nobody tells an instance that MySQL has what waits here."""
    off, other = daemons[:2]
    for daemon in daemons:
        daemon.api.post("/items", item(code=daemon.name))
    system.mysql_down()
    made = other.api.post("/items", item(code="new")).data
    answers = [other.api.patch("/items/1", {"area": "queued"}), other.api.delete("/items/2"),
               other.api.patch(f"/items/{made['id']}", {"area": "queued"})]
    assert {answer.status for answer in answers} == {202}
    wait_until(lambda: sum(pending_counts(off)) == 4, 5, "it knows")
    off.redis.down()
    off.await_health(redis=False)
    # Whoever drains without Redis has this lock: it cannot drain by itself.
    lock = "CONCAT('relevo_drain:', LEFT(SHA2(DATABASE(),256),32))"
    system.mysql.start()
    with contextlib.closing(system.mysql.connect()) as holder, holder.cursor() as cursor:
        cursor.execute(f"SELECT GET_LOCK({lock}, 20)")
        assert cursor.fetchall() == ((1,),)
        wait_until(lambda: system.pending() == 0, 10, "the others drain it")
        other.await_health(mysql=True, mode="online")
        assert other.api.patch("/items/1", {"status": "later"}).status == 200
        off.await_health(mysql=True)
        shown = sorted((row["code"], row["status"], row["area"]) for row in items_of(off))
        assert sum(pending_counts(off)) == 4  # it does not know yet
        assert shown == [("a", "later", "queued"), ("c", "Operativa", "Sala 1"),
                         ("new", "Operativa", "queued")]
    off.redis.up()
    await_the_same(system, daemons)


def test_what_was_written_without_redis_survives_repairs_of_others(system, daemons):
    """They found an older state of it in MySQL, and the log says so by force."""
    off, other = daemons[:2]
    for code in ("A", "B"):
        assert off.api.post("/items", item(code=code)).status == 201
    off.redis.down()
    off.await_health(redis=False)
    for path in ("/items/1", "/items/2"):
        assert off.api.patch(path, {"area": "first"}).status == 200
    wait_until(lambda: [row["area"] for row in items_of(other)] == ["first"] * 2, 20,
               "the others repair it")  # once its lease is over, if it had that
    assert off.api.patch("/items/1", {"area": "second"}).status == 200
    assert off.api.delete("/items/2").status == 200
    off.redis.up()

    def seen():
        assert [row["area"] for row in items_of(off)] == ["second"]
        return [row["area"] for row in items_of(other)] == ["second"]
    wait_until(seen, 10, "the others know", pause=0)
    await_the_same(system, daemons)


def test_what_was_drained_without_redis_is_told_along_with_its_rows(system, daemons):
    """To the others, who still wait for a drain, a row alone would be one more item."""
    far, *near = daemons
    system.mysql_down()
    for code in ("A", "B"):
        assert near[0].api.post("/items", item(code=code)).status == 202
    for daemon in daemons:
        wait_until(lambda d=daemon: sum(pending_counts(d)) == 2, 5, "all know what waits")
    system.redis.hold_lease()
    far.redis.down()
    far.await_health(redis=False)
    system.mysql.start()
    wait_until(lambda: sorted(system.mysql.codes()) == ["A", "B"], 10, "it is drained from memory")
    far.redis.up()
    far.await_health(redis=True)
    for daemon in daemons:
        wait_until(lambda d=daemon: [isinstance(shown["id"], int) for shown in items_of(d)] == [True] * 2,
                   10, lambda d=daemon: items_of(d))
    system.redis.drop_lease()
    system.await_drained()
    await_the_same(system, daemons)
