"""GET /events: the state as a stream, to one and to many."""
import contextlib
import itertools
import socket
import threading
import time

import pytest

from harness import SLOW, Listener, expect_problem, item, raw_exchange, sync_status, wait_until
from harness.metrics import samples
from harness.proxy import SERVER

HEARTBEAT_S = 10
TICK_S = 0.1  # of the observer
LISTENERS_MAX = 1024


def listeners(daemon):
    return samples(daemon)["relevo_event_listeners"]


def await_listeners(daemon, count, timeout=5):
    wait_until(lambda: listeners(daemon) == count, timeout,
               lambda: f"{count} listeners, are {listeners(daemon)}")


def without_uptime(health):
    return {name: value for name, value in health.items() if name != "uptime_seconds"}


@contextlib.contextmanager
def many(daemon, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Listener(daemon.port)) for _ in range(count)]


# --- form ---

def test_the_first_event_tells_the_state_as_it_is(relevo):
    with Listener(relevo.port) as listener:
        assert listener.headers["Content-Type"] == "text/event-stream"
        assert listener.headers["Cache-Control"] == "no-store"
        assert listener.headers["X-Accel-Buffering"] == "no"
        event = listener.next()
    assert [name for name, _ in event.fields] == ["retry", "id", "event", "data"]
    assert event.name == "status" and 0 < event.retry <= 10000
    assert list(event.data) == ["health", "sync"]
    health, sync = relevo.health(), sync_status(relevo)
    assert list(event.health) == list(health) and list(event.sync) == list(sync)


def test_the_documents_are_those_of_health_and_sync_status(relevo):
    """Once nothing moves any more, the last event and the two answers are the same."""
    with Listener(relevo.port) as listener:
        def same():
            event = listener.next()
            return (without_uptime(event.health) == without_uptime(relevo.health()) and
                    event.sync == sync_status(relevo))
        wait_until(same, 20, "the same documents")


def test_numbers_rise_and_nothing_is_sent_twice(relevo):
    with Listener(relevo.port) as listener:
        seen = [listener.next()]
        for _ in range(5):
            relevo.api.post("/items", item())
            count = seen[-1].sync["cache_items"]
            seen.append(listener.until(lambda event: event.sync["cache_items"] > count))
    runs, numbers = zip(*(event.id.split("-") for event in seen))
    assert len(set(runs)) == 1
    assert [int(n) for n in numbers] == sorted({int(n) for n in numbers})


def test_head_opens_no_stream(relevo):
    answer = relevo.api.request("HEAD", "/events")
    assert answer.status == 200 and answer.body == b""
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert listeners(relevo) == 0
    assert relevo.health()["mysql"]  # the connection is still good


def test_other_methods_are_refused(relevo):
    answer = relevo.api.post("/events", {})
    expect_problem(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_http_1_0_gets_the_bytes_as_they_are(relevo):
    with socket.create_connection(("127.0.0.1", relevo.port), timeout=20) as peer:
        peer.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        received = b""
        while not received.endswith(b"\n\n"):
            received += peer.recv(65536)
    head, _, event = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.") and b"chunked" not in head
    assert event.startswith(b"retry: ") and event.count(b"\ndata: {") == 1


# --- what is told, and when ---

@pytest.mark.threads
def test_a_killed_mysql_and_its_return_show_in_the_stream(system, relevo):
    with Listener(relevo.port) as listener:
        assert listener.until(lambda event: event.health["mode"] == "online")
        system.mysql.kill()
        event = listener.until(lambda event: not event.health["mysql"])
        assert event.health["status"] == "degraded" and event.health["mode"] == "offline"
        assert event.sync["mysql_available"] is False and event.sync["status"] == "out_of_sync"
        relevo.api.post("/items", item())
        listener.until(lambda event: event.sync["pending_creates"] == 1)
        system.mysql.start()
        listener.until(lambda event: event.health["mode"] == "online" and
                       event.sync["status"] == "synced" and event.sync["cache_items"] == 1)


def test_a_killed_redis_shows_and_then_both_down(system, relevo):
    with Listener(relevo.port) as listener:
        system.redis.kill()
        assert listener.until(lambda event: not event.health["redis"]).health["mysql"]
        system.mysql.kill()
        event = listener.until(lambda event: not event.health["mysql"])
        assert event.health["status"] == "error"
        assert event.health["durability"] == "unknown"


def test_it_says_something_at_least_every_10_seconds(system):
    """With nothing to tell but the uptime, and no earlier than that is due."""
    relevo = system.start(RELEVO_SYNC_INTERVAL="1h")
    with Listener(relevo.port) as listener:
        listener.until(lambda event: event.sync["status"] == "synced")
        listener.connection.sock.settimeout(HEARTBEAT_S * SLOW)
        first, second = listener.next(), listener.next()
    assert first.sync == second.sync
    assert second.health["uptime_seconds"] >= first.health["uptime_seconds"] + HEARTBEAT_S - 2
    assert without_uptime(first.health) == without_uptime(second.health)


def test_a_drain_shows_its_progress(system):
    """MySQL holds it up twice until that is seen: it may be over between two events."""
    relevo = system.start(proxied=True, RELEVO_MYSQL_TIMEOUT="20s")
    relevo.mysql.down()
    relevo.await_health(mysql=False)
    for n in range(2000):
        assert relevo.api.post("/items", item(code=f"C-{n}")).status == 202
    with Listener(relevo.port) as listener:
        listener.until(lambda event: event.sync["pending_creates"] == 2000)
        seen = []
        for code in (b"C-600", b"C-1400"):
            relevo.mysql.arm(code, SERVER, 0, stall=True)
            relevo.mysql.up()
            seen.append(listener.until(
                lambda event: shows_progress(event.sync["drain"], seen)).sync["drain"])
            time.sleep(0.2)  # it is told ten times a second: the next one is due when it goes on
        relevo.mysql.up()
        listener.until(lambda event: event.sync["mode"] == "online" and
                       event.sync["pending_creates"] == 0)
    assert [drain["total"] for drain in seen] == [2000, 2000]
    assert seen[0]["done"] < 600 < seen[1]["done"] < 1400


def shows_progress(drain, seen):
    return drain["running"] and drain["done"] > (seen[-1]["done"] if seen else 0)


# --- many, and slow ones ---

@pytest.mark.threads
@pytest.mark.timeout(240)
def test_hundreds_listen(system, relevo):
    count = 300
    with many(relevo, count) as all_of_them:
        await_listeners(relevo, count)
        for listener in all_of_them:
            listener.until(lambda event: event.health["mode"] == "online")
        relevo.api.post("/items", item())
        events = [listener.until(lambda event: event.sync["cache_items"] == 1)
                  for listener in all_of_them]
        assert len({event.fields[-1] for event in events if event.id == events[0].id}) == 1
        system.mysql.kill()
        for listener in all_of_them:
            listener.until(lambda event: not event.health["mysql"])
    await_listeners(relevo, 0, 10)


def test_who_went_away_is_forgotten(relevo):
    """Not only when the next event is sent to it."""
    with many(relevo, 5) as all_of_them:
        for listener in all_of_them:
            listener.next()
        all_of_them[0].close()
        all_of_them[1].connection.sock.shutdown(socket.SHUT_WR)
        await_listeners(relevo, 3, 5)
    await_listeners(relevo, 0, 5)


def write_until_heard(daemon, reader, events, between=lambda: None):
    """Writes, each of which is an event of its own."""
    begun = sync_status(daemon)["cache_items"]
    for count in range(begun + 1, begun + events + 1):
        assert daemon.api.post("/items", item(code=f"S-{count}")).status == 201
        reader.until(lambda event, count=count: event.sync["cache_items"] >= count)
        between()


@pytest.mark.timeout(180)
def test_a_listener_that_does_not_read_holds_up_nobody_and_is_cut(relevo):
    with Listener(relevo.port) as reader, Listener(relevo.port, receive_buffer=2048) as stuck:
        stuck.next()
        await_listeners(relevo, 2)
        write_until_heard(relevo, reader, 60)
        wait_until(lambda: listeners(relevo) == 1, 20, "it is cut")
        write_until_heard(relevo, reader, 1)


def test_a_slow_listener_skips_to_the_newest_event(relevo):
    with Listener(relevo.port) as reader, Listener(relevo.port, receive_buffer=2048) as slow:
        heard = [slow.next()]
        turns = itertools.count(1)

        def now_and_then():
            if next(turns) % 5 == 0:
                heard.append(slow.next())
        write_until_heard(relevo, reader, 120, now_and_then)
        slow.until(lambda event: heard.append(event) or event.sync["cache_items"] == 120)
    numbers = [int(event.id.split("-")[1]) for event in heard]
    gaps = [after - before for before, after in zip(numbers, numbers[1:])]
    assert min(gaps) >= 1 and max(gaps) > 5, gaps


@pytest.mark.timeout(240)
def test_the_number_of_listeners_is_bounded(relevo):
    limit = int(samples(relevo)["relevo_event_listeners_limit"])
    assert limit == LISTENERS_MAX
    with many(relevo, limit) as all_of_them:
        await_listeners(relevo, limit)
        answer = relevo.api.get("/events")
        expect_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        all_of_them[0].close()
        await_listeners(relevo, limit - 1)
        with Listener(relevo.port) as another:
            assert another.next().name == "status"


def test_a_listener_who_reads_outlives_every_time_out(system):
    relevo = system.start(RELEVO_SYNC_INTERVAL="1h")
    with Listener(relevo.port) as listener:
        begun = listener.next().health["uptime_seconds"]
        listener.until(lambda event: event.health["uptime_seconds"] >= begun + 21)
        assert listeners(relevo) == 1


# --- the end ---

@pytest.mark.threads
def test_a_stop_ends_the_streams_after_telling_them(system):
    relevo = system.start(RELEVO_STOP_DELAY="60s")
    with many(relevo, 50) as all_of_them:
        for listener in all_of_them:
            listener.next()
        relevo.signal(15)
        for listener in all_of_them:
            assert listener.rest()[-1].health["status"] == "stopping"
        with Listener(relevo.port) as late:
            heard = late.rest()
        assert [event.health["status"] for event in heard] == ["stopping"]
    relevo.signal(15)  # the delay is cut short
    wait_until(lambda: not relevo.running, 8, "the end")


def test_a_stop_is_not_held_up_by_who_left(relevo):
    """Nothing wakes the threads of their connections any more."""
    with many(relevo, 8) as all_of_them:
        for listener in all_of_them:
            listener.next()
    left = time.monotonic()
    wait_until(lambda: time.monotonic() - left > 5 * TICK_S, 30, "the observer has looked")
    relevo.stop()
    assert not relevo.log_lines("still open")


def test_a_stop_is_not_held_up_by_who_does_not_read(relevo):
    with Listener(relevo.port, receive_buffer=2048) as stuck:
        stuck.next()
        with Listener(relevo.port) as reader:
            write_until_heard(relevo, reader, 60)
        relevo.stop()
    assert not relevo.log_lines("still open")


@pytest.mark.threads
def test_streams_that_come_and_go_while_everything_changes(system, rng):
    """For the sanitizers: listeners that leave in the middle, writes, an outage, and a stop."""
    relevo = system.start()
    over = threading.Event()
    faults = []

    def come_and_go(seed):
        while not over.is_set():
            try:
                with Listener(relevo.port) as listener:
                    for _ in range(seed % 3):
                        listener.next()
            except AssertionError as fault:
                if b"Too many listeners" not in fault.args[0]:  # those who left count for a moment
                    faults.append(fault)
            except OSError as fault:
                faults.append(fault)
            seed = seed * 5 + 1
    threads = [threading.Thread(target=come_and_go, args=(rng.randrange(100),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for n in range(100):
        relevo.api.post("/items", item(code=f"X-{n}"))
    system.mysql_down()
    system.mysql_up()
    over.set()
    for thread in threads:
        thread.join()
    assert not faults
    with many(relevo, 20):
        relevo.stop()


# --- tokens ---

def test_it_needs_a_reader_and_a_reload_ends_the_streams(system, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("t-1:read\n")
    tokens.chmod(0o600)
    relevo = system.start(RELEVO_TOKEN_FILE=str(tokens))
    expect_problem(relevo.api.get("/events"), 401)
    with Listener(relevo.port, {"Authorization": "Bearer t-1"}) as listener:
        listener.next()
        tokens.write_text("t-2:read\n")
        relevo.hang_up()
        listener.rest()
    expect_problem(relevo.api.get("/events", {"Authorization": "Bearer t-1"}), 401)
    with Listener(relevo.port, {"Authorization": "Bearer t-2"}) as listener:
        assert listener.next().name == "status"


def test_a_request_behind_an_endless_one_does_not_disturb_it(relevo):
    """Pipelined: it is never answered, and the stream goes on."""
    answer = b""
    with socket.create_connection(("127.0.0.1", relevo.port), timeout=20) as peer:
        peer.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"data: " not in answer:
            answer += peer.recv(65536)
        await_listeners(relevo, 1)
        relevo.api.post("/items", item())
        while b'"cache_items":1' not in answer:
            answer += peer.recv(65536)
        assert answer.count(b"HTTP/1.1 200") == 1
    await_listeners(relevo, 0, 5)
    assert b"200" in raw_exchange(relevo.port, b"GET /health HTTP/1.0\r\n\r\n")
