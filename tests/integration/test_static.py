"""Static files: the dashboard at /, and nothing beside it."""
import gzip
import os
import socket
import subprocess

import pytest

from harness import expect_problem, raw_exchange
from harness.relevo import daemon_environment, relevod_path

INDEX = b"<!doctype html><title>relevo</title>"
SCRIPT = b"console.log('relevo');\n" * 200
HASHED = "assets/index-Ab3dEf9_.js"
SECRET = b"nobody may read this"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Site:
    """A built dashboard, with a secret beside it."""

    def __init__(self, folder):
        self.parent = folder
        self.root = folder / "site"
        (folder / "secret.txt").write_bytes(SECRET)
        self.write("index.html", INDEX)
        self.write(HASHED, SCRIPT)
        self.write(HASHED + ".gz", gzip.compress(SCRIPT))
        self.write("assets/plain.css", b"a{}")
        self.write("favicon.svg", b"<svg/>")
        self.write("empty.txt", b"")
        self.write(".env", SECRET)
        self.write(".git/config", SECRET)
        self.write("health", SECRET)  # the API wins
        self.write("items/index.html", SECRET)
        self.write("a b/ñ.txt", "ñ".encode())
        os.symlink(folder / "secret.txt", self.root / "link.txt")
        os.symlink(folder, self.root / "out")
        os.mkfifo(self.root / "pipe.txt")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def api(system, site):
    return system.start(RELEVO_STATIC_DIR=str(site.root)).api


def test_a_folder_shows_its_page(api, site):
    site.write("docs/index.html", b"<title>docs</title>")
    site.write("a b/index.html", b"<title>blank</title>")
    (site.root / "bare").mkdir()
    for method in ("GET", "HEAD"):
        answer = api.request(method, "/docs")
        assert (answer.status, answer.headers["Location"], answer.body) == (301, "docs/", b"")
    answer = api.get("/docs/")
    assert (answer.status, answer.body) == (200, b"<title>docs</title>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert api.get("/docs/", {"If-None-Match": answer.etag}).status == 304
    # A name that would have to be encoded is shown where it is.
    assert api.get("/a%20b").body == b"<title>blank</title>"
    # A folder without a page is none.
    for path in ("/bare", "/bare/"):
        expect_problem(api.get(path), 404)
    # The API's own paths stay the API's.
    assert "Location" not in api.get("/items").headers
    expect_problem(api.get("/items/index.html"), 404)


def test_the_page_is_served_at_the_root(api):
    for path in ("/", "/index.html", "/?lang=es"):
        answer = api.get(path)
        assert (answer.status, answer.body) == (200, INDEX), path
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"]
        policy = dict(part.split(" ", 1) for part in
                      answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["style-src"] == "'self' 'unsafe-inline'"
        assert "script-src" not in policy and policy["frame-ancestors"] == "'none'"


def test_types_and_lifetimes(api):
    for path, kind, lifetime in (
            (HASHED, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
            ("assets/plain.css", "text/css; charset=utf-8", "no-cache"),
            ("favicon.svg", "image/svg+xml", "no-cache"),
            ("empty.txt", "text/plain; charset=utf-8", "no-cache")):
        answer = api.get("/" + path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Cache-Control"] == lifetime


def test_names_may_be_escaped(api):
    assert api.get("/a%20b/%C3%B1.txt").body == "ñ".encode()
    assert api.get("/%69ndex.html").body == INDEX


def test_head_is_like_get_without_the_body(api):
    for path in ("/", "/" + HASHED, "/empty.txt"):
        got, head = api.get(path), api.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control", "Vary"):
            assert head.headers[name] == got.headers[name], name


def test_an_etag_saves_the_body_until_the_file_changes(api, site):
    first = api.get("/")
    for tag in (first.etag, f'"x", {first.etag}', "*"):
        again = api.get("/", {"If-None-Match": tag})
        assert (again.status, again.body, again.etag) == (304, b"", first.etag)
    site.write("index.html", INDEX + b"<p>")
    changed = api.get("/", {"If-None-Match": first.etag})
    assert changed.status == 200 and changed.body == INDEX + b"<p>"
    assert changed.etag != first.etag


def test_the_compressed_sibling_is_for_those_who_take_it(api):
    plain = api.get("/" + HASHED)
    assert plain.body == SCRIPT and plain.headers["Content-Encoding"] is None
    packed = api.get("/" + HASHED, {"Accept-Encoding": "br, gzip, deflate"})
    assert gzip.decompress(packed.body) == SCRIPT and len(packed.body) < len(SCRIPT)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    assert packed.headers["Cache-Control"] == plain.headers["Cache-Control"]
    assert packed.etag != plain.etag
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["Vary"]
    refused = api.get("/" + HASHED, {"Accept-Encoding": "gzip;q=0"})
    assert refused.body == SCRIPT
    alone = api.get("/favicon.svg", {"Accept-Encoding": "gzip"})
    assert alone.body == b"<svg/>" and alone.headers["Content-Encoding"] is None


def test_a_page_of_the_application_is_its_index(api):
    for path in ("/inventario", "/a/b/", "/a/b/c"):
        answer = api.get(path, HTML)
        assert (answer.status, answer.body) == (200, INDEX), path
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Accept," in answer.headers["Vary"]
        assert api.request("HEAD", path, headers=HTML).status == 200
        expect_problem(api.get(path, {"Accept": "application/json"}), 404)
        expect_problem(api.get(path, {"Accept": "*/*"}), 404)


def test_an_unknown_file_is_no_page(api):
    for path in ("/assets/index-00000000.js", "/assets/x", "/assets", "/assets/", "/x.js",
                 "/a/b.png", "/.env", "/..", "//x"):
        expect_problem(api.get(path, HTML), 404)


def test_the_api_wins(api):
    assert api.get("/health", HTML).json()["status"] == "healthy"
    assert api.get("/items", HTML).json()["data"] == []
    for path in ("/items/", "/items/index.html", "/sync", "/sync/x", "/operations/",
                 "/health/live", "/events/x"):
        answer = api.get(path, HTML)
        expect_problem(answer, 404)
    expect_problem(api.post("/items/1/2", {}), 404)


def test_only_get_and_head(api):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = api.request(method, "/index.html", {})
        expect_problem(answer, 405)
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert api.request("OPTIONS", "/index.html").status == 204


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt",
    "/assets/..%2F..%2Fsecret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt",
    "/%252e%252e/secret.txt", "/./secret.txt", "//../secret.txt", "/a/./../../secret.txt",
    "/link.txt", "/out/secret.txt", "/out/site/index.html", "/.env", "/.git/config", "/%2eenv",
    "/.%67it/config", "/index.html%00.js", "/%00", "/index.html/", "/assets", "/assets/", "/pipe.txt",
    "/index.html/x", "/" + "x" * 300, "/" + "y/" * 2000 + "z", "/%", "/%zz", "/%C0%AE%C0%AE/secret.txt",
    "http://other/../secret.txt", "/secret.txt", "/..", "/."])
def test_no_path_leads_out(api, path):
    """As it stands on the request line, whatever a client library would make of it."""
    for headers in ("", "Accept: text/html\r\n", "Accept-Encoding: gzip\r\n"):
        answer = raw_exchange(api.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                        f"{headers}\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert SECRET not in answer
        status = int(head[9:12])
        assert status in (400, 404) or (status == 200 and body == INDEX and "html" in headers), answer


def test_absolute_urls_are_paths_too(api):
    answer = raw_exchange(api.port, b"GET http://x/favicon.svg HTTP/1.1\r\nHost: x\r\n"
                                    b"Connection: close\r\n\r\n")
    assert answer.endswith(b"<svg/>")


def test_what_a_client_takes_may_stand_in_several_lines(api, site):
    site.write("packed.css.gz", b"packed")
    site.write("packed.css", b"plain")
    for lines in (("br", "gzip"), ("gzip", "br")):
        headers = "".join(f"Accept-Encoding: {line}\r\n" for line in lines)
        answer = raw_exchange(api.port, f"GET /packed.css HTTP/1.1\r\nHost: x\r\n{headers}"
                              "Connection: close\r\n\r\n".encode())
        assert answer.endswith(b"packed"), answer


def test_a_file_as_large_as_it_likes(api, site):
    content = os.urandom(1 << 20) * 8
    site.write("large.bin", content)
    assert api.get("/large.bin").body == content


def test_another_build_takes_its_place_while_the_daemon_runs(api, site):
    os.rename(site.root, site.parent / "old")
    expect_problem(api.get("/"), 404)
    site.write("index.html", b"new")
    assert api.get("/").body == b"new"


def test_it_needs_no_token(system, site, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("t-1:read\n")
    tokens.chmod(0o600)
    api = system.start(RELEVO_STATIC_DIR=str(site.root), RELEVO_TOKEN_FILE=str(tokens)).api
    assert api.get("/").body == INDEX
    assert api.get("/inventario", HTML).body == INDEX
    assert api.get("/", {"Authorization": "Bearer wrong"}).body == INDEX
    expect_problem(api.get("/items"), 401)
    expect_problem(api.get("/nothing.js"), 404)


def test_it_stays_up_while_both_servers_are_down(system, site):
    system.mysql.kill()
    system.redis.kill()
    api = system.start(wait="up", RELEVO_STATIC_DIR=str(site.root)).api
    assert api.get("/health").status == 503
    assert api.get("/").body == INDEX
    assert api.get("/" + HASHED).body == SCRIPT


def test_without_a_folder_there_is_nothing(relevo):
    for path in ("/", "/index.html", "/inventario"):
        expect_problem(relevo.api.get(path, HTML), 404)
        expect_problem(relevo.api.post(path, {}), 404)


@pytest.mark.parametrize("name", ["missing", "secret.txt"])
def test_what_is_no_folder_is_refused_at_start(site, name):
    path = str(site.parent / name)
    done = subprocess.run([relevod_path()], text=True, capture_output=True, timeout=20,
                          env=daemon_environment({"RELEVO_STATIC_DIR": path}))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "RELEVO_STATIC_DIR" in done.stderr and path[:60] in done.stderr


def test_a_client_that_leaves_in_the_middle_of_a_file(api, site):
    site.write("large.bin", b"x" * (8 << 20))
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", api.port), timeout=20) as peer:
            peer.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            peer.recv(1000)
    assert api.get("/").body == INDEX
