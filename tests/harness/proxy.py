"""A TCP proxy between a daemon and one server that can break off, hold up and refuse connections.

One thread does everything. Directions are named after who receives: SERVER and CLIENT. Faults are
armed on a pattern in what the client sends and strike at an exact byte; their counters tell whether
they did."""
import contextlib
import selectors
import socket
import struct
import threading

from .ports import free_port
from .wait import wait_until

SERVER, CLIENT = "server", "client"
_RST = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST
_CHUNK = 1 << 18
_SEND_S = 10  # who does not read for so long hangs


def _bound(port):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


class Fault:
    """Strikes when byte `after` of `direction` has passed, on the connection that sends `pattern`.

    Towards the server bytes are counted from the pattern's first one (negative: so many before it,
    as far as they come in one piece with it) and the fault strikes when the last of them is out.
    Towards the client they are counted from the pattern on, and it strikes when the next byte has
    come but is not passed on: with 0 there is an answer, and nothing of it gets through.
    Without pattern the bytes of all connections count, from now on; whose byte is the last is hit.
    """

    def __init__(self, pattern, direction, after, only=b"", stall=False, down=False,
                 times=1):
        self.pattern = pattern
        self.direction = direction
        self.after = after
        self.only = only      # only where this is sent, too, in one piece with the pattern
        self.stall = stall    # the connection falls silent in both directions, else it is reset
        self.down = down      # all others too, and new ones are refused
        self.times = times
        self.hits = 0
        self.text = b""       # what was sent in one piece with the pattern, of the last match

    @property
    def over(self):
        return self.hits >= self.times


class Sizes:
    """Of the first exchange that begins with the pattern: bytes sent before it in one piece with it,
    from its first one on, and answered."""

    def __init__(self, pattern):
        self.pattern = pattern
        self.before = self.request = self.answer = 0


class _Connection:
    """Owned by the proxy's thread."""

    def __init__(self, client, server):
        self.ends = {CLIENT: client, SERVER: server}
        self.passed = {CLIENT: 0, SERVER: 0}    # bytes let through to that end
        self.strike = {CLIENT: None, SERVER: None}  # (fault, at which count of passed)
        self.held = {CLIENT: b"", SERVER: b""}  # for that end, while it is stalled
        self.stalled = False
        self.tail = b""   # of what the client sent, for patterns that come in two pieces
        self.sizes = None  # being measured


class Proxy:
    def __init__(self, target):
        self.target = target
        self._claim = _bound(free_port())  # ours also while connections are refused
        self.port = self._claim.getsockname()[1]
        self._loop = selectors.DefaultSelector()
        self._lock = threading.RLock()
        # shared: hold the lock
        self._connections = set()
        self._listener = None
        self._stalled = set()  # directions, for all connections
        self._fault = None
        self._counted = 0      # of a fault without pattern
        self._sizes = None
        self._ending = False
        self.accepted = 0
        self._listen()
        self._bell, self._button = socket.socketpair()
        self._loop.register(self._bell, selectors.EVENT_READ, self._on_bell)
        self._thread = threading.Thread(target=self._run, name=f"proxy to {target}", daemon=True)
        self._thread.start()

    # --- what tests ask for ---

    def arm(self, pattern, direction, after, **how):
        """The next fault; it takes the place of the last one."""
        with self._lock:
            self._fault = Fault(pattern, direction, after, **how)
            self._counted = 0
            for connection in self._connections:
                connection.strike = {CLIENT: None, SERVER: None}
            return self._fault

    def disarm(self):
        with self._lock:
            self._fault = None
            for connection in self._connections:
                connection.strike = {CLIENT: None, SERVER: None}

    def await_hit(self, fault, timeout=10, times=1):
        wait_until(lambda: fault.hits >= times, timeout,
                   f"fault on {fault.pattern!r}: {fault.hits} of {times} hits", pause=0.005)

    @contextlib.contextmanager
    def measured(self, pattern):
        """The sizes of an exchange that happens inside."""
        sizes = Sizes(pattern)
        with self._lock:
            self._sizes = sizes
        try:
            yield sizes
        finally:
            with self._lock:
                self._sizes = None
                for connection in self._connections:
                    connection.sizes = None
        assert sizes.request and sizes.answer, f"{pattern!r} was not sent or not answered"

    def cut(self):
        """Reset every connection now."""
        with self._lock:
            for connection in list(self._connections):
                self._reset(connection)

    def refuse(self):
        """New connections are refused."""
        with self._lock:
            if self._listener is not None:
                self._loop.unregister(self._listener)
                self._listener.close()
                self._listener = None
                self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def stall(self, *directions):
        """A black hole: nothing passes in these directions, not even an end."""
        with self._lock:
            self._stalled |= set(directions or (CLIENT, SERVER))
            for connection in self._connections:
                self._watch(connection)

    def silence(self, pattern):
        """Connections that sent this last fall silent in both directions. True: there was one."""
        with self._lock:
            chosen = [one for one in self._connections if pattern in one.tail]
            for connection in chosen:
                connection.stalled = True
                self._watch(connection)
            return bool(chosen)

    def down(self):
        """As if the server had been killed."""
        self.refuse()
        self.cut()

    def up(self):
        """Everything passes again, also what was held back. A fault stays armed."""
        with self._lock:
            self._stalled.clear()
            if self._listener is None:
                self._listen()
            for connection in list(self._connections):
                connection.stalled = False
                self._release(connection)
        self._button.send(b".")

    def stop(self):
        with self._lock:
            self._ending = True
        self._button.send(b".")
        self._thread.join(timeout=_SEND_S)
        self.down()
        for each in (self._bell, self._button, self._loop, self._claim):
            each.close()

    # --- the thread ---

    def _run(self):
        while not self._ending:
            for key, _ in self._loop.select():
                with self._lock:
                    if self._loop.get_map().get(key.fd) is key:  # not closed meanwhile
                        key.data()

    def _on_bell(self):
        self._bell.recv(4096)

    def _listen(self):
        self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener = _bound(self.port)
        listener.listen(128)
        listener.setblocking(False)
        self._listener = listener
        self._loop.register(listener, selectors.EVENT_READ, self._on_connect)

    def _on_connect(self):
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        self.accepted += 1
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=_SEND_S)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            client.close()
            return
        for end in (client, server):
            end.settimeout(_SEND_S)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(client, server)
        self._connections.add(connection)
        self._watch(connection)

    def _watch(self, connection):
        """Listen to the ends whose words may pass."""
        for to, source in ((SERVER, connection.ends[CLIENT]), (CLIENT, connection.ends[SERVER])):
            flows = not connection.stalled and to not in self._stalled
            watched = source in self._loop.get_map()
            if flows and not watched:
                self._loop.register(source, selectors.EVENT_READ,
                                    lambda c=connection, s=source, t=to: self._on_data(c, s, t))
            elif watched and not flows:
                self._loop.unregister(source)

    def _on_data(self, connection, source, to):
        try:
            data = source.recv(_CHUNK)
        except OSError:
            self._reset(connection)
            return
        if not data:
            self._end(connection)
            return
        if to == SERVER:
            self._look(connection, data)
        self._measure(connection, to, len(data))
        self._pass(connection, to, data)

    def _look(self, connection, data):
        """Is this what a fault or a measurement waits for?"""
        for wanted in (self._sizes, self._fault):
            if wanted is None or wanted.pattern is None:
                continue
            text = connection.tail + data
            # What lies in the tail alone was found before.
            at = text.find(wanted.pattern, max(0, len(connection.tail) - len(wanted.pattern) + 1))
            if at < 0:
                continue
            start = at - len(connection.tail)
            if wanted is self._sizes:
                if not wanted.request:
                    wanted.before, wanted.request = max(start, 0), -start
                    connection.sizes = wanted
            elif not wanted.over and wanted.only in text:
                base = connection.passed[wanted.direction]
                wanted.text = text
                connection.strike[wanted.direction] = (
                    wanted, base + wanted.after + (start if wanted.direction == SERVER else 0))
        connection.tail = (connection.tail + data)[-64:]

    def _measure(self, connection, to, count):
        sizes = connection.sizes
        if sizes is None:
            return
        if to == CLIENT:
            sizes.answer += count
        elif sizes.answer == 0:
            sizes.request += count
        else:
            connection.sizes = None  # the next request

    def _limit(self, connection, to, data):
        """How much of the data passes before the fault strikes; None: all, and none strikes."""
        fault = self._fault
        if fault is None or fault.over:
            return None
        if fault.pattern is None and fault.direction == to:
            left = fault.after - self._counted
            self._counted += len(data)
        elif connection.strike[to] is not None:
            left = connection.strike[to][1] - connection.passed[to]
        else:
            return None
        left = max(left, 0)
        strikes = left <= len(data) if to == SERVER else left < len(data)
        return left if strikes else None

    def _pass(self, connection, to, data):
        limit = self._limit(connection, to, data)
        through = data if limit is None else data[:limit]
        try:
            connection.ends[to].sendall(through)
        except OSError:
            self._reset(connection)
            return
        connection.passed[to] += len(through)
        if limit is not None:
            self._strike(connection, to, data[limit:])

    def _strike(self, connection, to, rest):
        fault = self._fault
        fault.hits += 1  # before anybody can notice
        connection.strike = {CLIENT: None, SERVER: None}
        if fault.stall:
            connection.stalled = True
            connection.held[to] = rest
            self._watch(connection)
        else:
            self._reset(connection)
        if fault.down:
            self.down()
        self._counted = 0

    def _release(self, connection):
        """Pass on what was held back."""
        for to in (SERVER, CLIENT):
            data, connection.held[to] = connection.held[to], b""
            try:
                connection.ends[to].sendall(data)
            except OSError:
                pass  # it went away meanwhile: its end is read next
            connection.passed[to] += len(data)
        self._watch(connection)

    def _reset(self, connection):
        for end in connection.ends.values():
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self._end(connection)

    def _end(self, connection):
        self._connections.discard(connection)
        for end in connection.ends.values():
            if end in self._loop.get_map():
                self._loop.unregister(end)
            end.close()
