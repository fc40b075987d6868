"""An HTTP proxy in front of daemons, asked in turn or at random, that can answer something else than
they did."""
import http.client
import http.server
import json
import threading


class Meddle:
    """What is done to what passes: nothing."""

    drop = ()    # headers of requests that get lost
    etag = None  # instead of each that is answered

    def __call__(self, method, path, status, document):
        """The status and document to answer."""
        return status, document


class Meddler:
    """`meddle` with what passes to and from every daemon, or number `only` alone; `rng` picks the daemon,
    if there is one. All may be changed while requests come."""

    def __init__(self, ports):
        self._ports = list(ports)
        self._turn = 0
        self._lock = threading.Lock()
        self.reset()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                outer._handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def reset(self):
        self.meddle, self.only, self.rng = Meddle(), None, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _next(self):
        """The number of the daemon to ask."""
        with self._lock:
            if self.rng is not None:
                return self.rng.randrange(len(self._ports))
            self._turn += 1
            return self._turn % len(self._ports)

    def _handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        asked = self._next()
        meddle = self.meddle if self.only in (None, asked) else Meddle()
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in ("host", "connection", "content-length", *meddle.drop)}
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[asked], timeout=30)
        try:
            connection.request(request.command, request.path, body or None, headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        finally:
            connection.close()
        if content:
            status, document = meddle(request.command, request.path, status, json.loads(content))
            content = json.dumps(document, ensure_ascii=False).encode()
        request.send_response(status)
        for name in ("Content-Type", "Location", "ETag"):
            if answer.headers[name]:
                meant = name == "ETag" and meddle.etag
                request.send_header(name, meant or answer.headers[name])
        if status != 304:
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
