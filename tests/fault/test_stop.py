"""SIGTERM under load: what was accepted is answered, what was acknowledged stays, and a load balancer
can move on."""
import http.client
import json
import signal
import socket
import threading
import time

import pytest

from harness import SLOW, Nginx, item, wait_until
from harness.metrics import value

CLIENTS = 16


class Strict(threading.Thread):
    """Creates items, and takes nothing but an answer or a refused connection for an answer. A
    connection that breaks off after it was made is a fault."""

    def __init__(self, name, port, fresh=False, through=False):
        super().__init__(name=name)
        self.port = port
        self.fresh = fresh      # a new connection for every request
        self.through = through  # also a refused connection is a fault
        self.halt = threading.Event()
        self.acknowledged = []  # codes
        self.count = 0
        self.closing = 0        # answers that said `Connection: close`
        self.gone = False       # the daemon refused a connection
        self.fault = None

    def run(self):
        connection = None
        try:
            while not self.halt.is_set() and not self.gone:
                connection = connection or self.connect()
                if connection is not None and not self.ask(connection):
                    connection.close()
                    connection = None
        except Exception as fault:  # shown by the test
            self.fault = fault
        finally:
            if connection is not None:
                connection.close()

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.connect()
            return connection
        except ConnectionRefusedError:
            assert not self.through, "connection refused"
            self.gone = True
        return None

    def ask(self, connection):
        """False: this connection is not to be used again."""
        self.count += 1
        code = f"{self.name}-{self.count}"
        headers = {"Content-Type": "application/json"}
        if self.fresh:
            headers["Connection"] = "close"
        connection.request("POST", "/items", json.dumps(item(code=code)).encode(), headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (201, 202), f"{answer.status} {content!r}"
        self.acknowledged.append(code)
        self.closing += answer.will_close
        return not answer.will_close


class Strictly:
    """A crowd of them. Ends them in any case."""

    def __init__(self, port, prefix="S", **how):
        self.all = [Strict(f"{prefix}{n}", port, **how) for n in range(CLIENTS)]

    def __enter__(self):
        for one in self.all:
            one.start()
        self.await_more(5)
        return self

    def __exit__(self, *_):
        for one in self.all:
            one.halt.set()
        for one in self.all:
            one.join(timeout=60)

    def await_more(self, each):
        before = [len(one.acknowledged) for one in self.all]
        wait_until(lambda: all(len(one.acknowledged) >= n + each or one.fault or one.gone
                               for one, n in zip(self.all, before)), 30, "further answers")

    def join(self):
        for one in self.all:
            one.join(timeout=60)
            assert not one.is_alive(), f"{one.name} hangs"

    def check(self, system):
        faults = [f"{one.name} {one.count}: {one.fault!r}" for one in self.all if one.fault]
        assert not faults, f"{len(faults)} of {CLIENTS} clients: {faults[:5]}"
        wanted = sorted(code for one in self.all for code in one.acknowledged)
        found = system.mysql.codes()
        lost, ghosts = set(wanted) - set(found), set(found) - set(wanted)
        assert not lost, f"{len(lost)} lost: {sorted(lost)[:10]}"
        assert not ghosts, f"{len(ghosts)} not acknowledged: {sorted(ghosts)[:10]}"
        assert sorted(found) == wanted, "doubled"


@pytest.fixture(params=["both up", "mysql down", "redis down", "mysql frozen", "redis frozen"])
def outage(request, system):
    """Brings it about once the daemon runs."""
    def strike():
        if request.param == "mysql down":
            system.mysql_down()
        if request.param == "redis down":
            system.redis_down()
        if request.param.endswith("frozen"):
            getattr(system, request.param.split()[0]).pause()
    return strike


def finish(system, relevo, crowd):
    """The daemon has ended with 0; the next one finds everything."""
    assert relevo.child.wait(timeout=15 * SLOW) == 0
    relevo.check_log()
    crowd.join()
    system.mysql.resume()
    system.redis.resume()
    system.start_servers()
    relevo.start()
    system.await_drained()
    crowd.check(system)


@pytest.mark.threads
def test_keep_alive_clients(system, outage):
    """Each is told to close its connection before that is closed."""
    relevo = system.start(RELEVO_STOP_DELAY="1s")
    with Strictly(relevo.port) as crowd:
        outage()
        relevo.signal(signal.SIGTERM)
        finish(system, relevo, crowd)
        assert all(one.gone and one.closing for one in crowd.all)


def test_clients_that_connect_anew(system, outage):
    """Connections that wait to be accepted are not reset, without any delay."""
    relevo = system.start()
    with Strictly(relevo.port, fresh=True) as crowd:
        outage()
        relevo.signal(signal.SIGTERM)
        finish(system, relevo, crowd)
        assert all(one.gone for one in crowd.all)


def test_again_and_again(system, rng):
    """The stop meets the clients at another point each time."""
    relevo = system.start()
    acknowledged = []
    for round_ in range(5):
        with Strictly(relevo.port, f"R{round_}-", fresh=True) as crowd:
            crowd.await_more(rng.randrange(1, 20))
            relevo.signal(signal.SIGTERM)
            assert relevo.child.wait(timeout=15 * SLOW) == 0
            crowd.join()
        assert not [one.fault for one in crowd.all if one.fault]
        acknowledged += [code for one in crowd.all for code in one.acknowledged]
        relevo.start()
    assert sorted(system.mysql.codes()) == sorted(acknowledged)


# --- for a load balancer ---

def test_health_says_stopping_while_everything_is_served(system):
    relevo = system.start(RELEVO_STOP_DELAY="1m")
    relevo.signal(signal.SIGTERM)
    wait_until(lambda: relevo.api.get("/health").status == 503, 5, "503")
    health = relevo.api.get("/health")
    assert health.json()["status"] == "stopping" and health.json()["mysql"] is True
    made = relevo.api.post("/items", item())
    assert made.status == 201 and made.headers["Connection"] == "close"
    assert relevo.api.get("/items/1").status == 200
    relevo.signal(signal.SIGTERM)  # enough
    assert relevo.child.wait(timeout=15 * SLOW) == 0


def test_no_request_is_begun_once_the_listener_closed(system, relevo):
    """A request in flight keeps the daemon alive; another connection gets nothing meanwhile."""
    relevo.api.post("/items", item())
    lock = system.mysql.connect(autocommit=False)
    lock.cursor().execute("SELECT * FROM items WHERE id=1 FOR UPDATE")
    with socket.create_connection(("127.0.0.1", relevo.port), timeout=20) as held:
        body = b'{"area":"x"}'
        held.sendall(b"PATCH /items/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: value(relevo, "in_flight") == 2, 10, "it waits")
        relevo.signal(signal.SIGTERM)
        wait_until(lambda: relevo.log_lines("stopping on SIGTERM"), 5, "the signal is seen")
        wait_until(lambda: not connects(relevo.port), 5, "no connection")
        assert held.recv(64).startswith(b"HTTP/1.1 20")
    lock.rollback()
    lock.close()
    assert relevo.child.wait(timeout=15 * SLOW) == 0


def connects(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


def test_a_connection_without_a_request_holds_up_nothing(relevo):
    with socket.create_connection(("127.0.0.1", relevo.port), timeout=20) as silent:
        relevo.api.get("/health")  # accepted later than the silent one
        relevo.signal(signal.SIGTERM)
        assert silent.recv(1) == b""
    assert relevo.child.wait(timeout=15 * SLOW) == 0
    assert not relevo.log_lines("still open")


REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def asks_while_it_stops(system, tries, used, pause, limit):
    """The answer to a request that comes `pause` after the stop began, on a connection that is new or
    was `used` just before; whatever the daemon closes at once is closed by then. Tried again if it
    came more than `limit` after the connection's last event, which is too late to judge."""
    for _ in range(tries):
        relevo = system.start(wait="up")
        with socket.create_connection(("127.0.0.1", relevo.port), timeout=20) as peer:
            if used:
                peer.sendall(REQUEST)
                assert peer.recv(10000).startswith(b"HTTP/1.1 200 ")
            began = time.monotonic()
            relevo.signal(signal.SIGTERM)
            wait_until(lambda d=relevo: d.log_lines("stopping on SIGTERM"), 5, "it stops", 0.002)
            time.sleep(pause)
            peer.sendall(REQUEST)
            answer = peer.recv(10000)
            late = time.monotonic() > began + limit
        assert relevo.child.wait(timeout=15 * SLOW) == 0
        if not late:
            return answer
    raise AssertionError("it came too late each time")


def test_a_new_connection_has_a_moment_to_send_its_request(system):
    answer = asks_while_it_stops(system, 5, used=False, pause=0.1, limit=0.4)
    assert answer.startswith(b"HTTP/1.1 503 "), answer


def test_a_connection_that_was_just_answered_may_be_used_again(system):
    """A load balancer that keeps connections does so, and gives up a request that was broken off."""
    answer = asks_while_it_stops(system, 5 * SLOW, used=True, pause=0.02, limit=0.08)
    assert answer.startswith(b"HTTP/1.1 503 "), answer
    assert b"\r\nconnection: close\r\n" in answer.lower()


@pytest.fixture
def fleet(system):
    """Three daemons behind nginx."""
    daemons = [system.start(RELEVO_STOP_DELAY="200ms") for _ in range(3)]
    proxy = Nginx(system.logs, [daemon.port for daemon in daemons])
    try:
        yield daemons, proxy.start()
    finally:
        proxy.stop()


def test_rolling_restart_behind_nginx(system, fleet):
    """No client sees anything of it."""
    daemons, proxy = fleet
    with Strictly(proxy.port, through=True) as crowd:
        for daemon in daemons * 2:
            daemon.stop()
            crowd.await_more(5)
            daemon.start()
            crowd.await_more(5)
    system.await_drained()
    crowd.check(system)


def test_rolling_restart_behind_nginx_while_mysql_is_down(system, fleet):
    daemons, proxy = fleet
    with Strictly(proxy.port, through=True) as crowd:
        system.mysql_down()
        for daemon in daemons:
            daemon.stop()
            crowd.await_more(5)
            daemon.start(wait="up")
            crowd.await_more(5)
    system.mysql_up()
    crowd.check(system)


# --- work of its own ---

def test_a_long_drain_is_broken_off_and_taken_up_by_the_next(system):
    """Many operations wait, and MySQL is slow: the daemon ends after the transaction at hand."""
    count = 5000
    relevo = system.start()
    system.mysql_down()
    system.redis.db.rpush("items:pending", *(json.dumps(item(code=f"C-{n}"))
                                             for n in range(count)))
    relevo.pause()
    system.mysql.start()
    system.mysql.sql("CREATE TRIGGER slow BEFORE INSERT ON items FOR EACH ROW DO SLEEP(0.001)")
    relevo.resume()
    wait_until(lambda: system.redis.db.llen("items:pending") < count, 60, "the drain runs")
    relevo.signal(signal.SIGTERM)
    assert relevo.child.wait(timeout=15 * SLOW) == 0
    left = system.redis.db.llen("items:pending")
    assert 0 < left < count, f"{left} wait"
    assert not system.redis.db.exists("sync:lease")
    system.mysql.sql("DROP TRIGGER slow")
    relevo.start()
    system.await_drained(timeout=60)
    codes = system.mysql.codes()
    assert len(codes) == len(set(codes)) == count
