"""scripts/verify-sync: it holds on a sound system, and on no broken one."""
import datetime
import os
import pty
import re
import signal

import pytest

from harness import Meddle, Meddler, VerifySync, free_port, item, wait_until

pytestmark = pytest.mark.timeout(200)
once = pytest.mark.release
TOKEN = "0123456789abcdef"


class Stage:
    """Two instances that ask for a token, behind one address, and a table that is not empty."""

    def __init__(self, system, folder):
        tokens = folder / "tokens"
        tokens.write_text(f"{TOKEN}:write\n")
        tokens.chmod(0o600)
        self.system = system
        daemons = [system.start(RELEVO_TOKEN_FILE=str(tokens)) for _ in range(2)]
        for code in ("A", "B"):
            made = daemons[0].api.post("/items", item(code=code), {"Authorization": f"Bearer {TOKEN}"})
            assert made.status == 201, made
        self.before = system.mysql.items()
        self.meddler = Meddler(daemon.port for daemon in daemons)

    def verify(self, folder, *options, **how):
        how["env"] = {"RELEVO_TOKEN": TOKEN, "LANG": "C.UTF-8", **how.get("env", {})}
        return VerifySync(folder, self.meddler.url, *options, **how)

    def run(self, folder, *options, stop=None, start=None, **how):
        """Exit code and output; `stop`, `start`: done after MySQL was stopped, before it starts."""
        child = self.verify(folder, *options, **how)

        def stop_mysql():
            self.system.mysql.stop()
            if stop:
                stop(child)

        def start_mysql():
            if start:
                start(child)
            self.system.mysql.start()
        code = child.run(stop=stop_mysql, start=start_mysql)
        return code, child.output()

    def assert_as_before(self):
        """MySQL runs, and the table is what it was."""
        self.system.await_up()
        assert self.system.mysql.items() == self.before


@pytest.fixture(scope="module")
def whole_stage(_servers, tmp_path_factory):
    _servers.reset()
    stage = Stage(_servers, tmp_path_factory.mktemp("verify"))
    yield stage
    stage.meddler.stop()
    _servers.finish()


@pytest.fixture
def stage(whole_stage):
    whole_stage.meddler.reset()
    whole_stage.system.mysql.start()
    whole_stage.system.await_up()
    return whole_stage


def failed_step(output):
    """The number of the step that did not hold; the later ones were not run."""
    rows = re.findall(r"^ *(\d+)\. .* (held|FAILED|not run) ", output, re.M)
    first = next(n for n, result in rows if result == "FAILED")
    after = [result for n, result in rows if int(first) < int(n) < len(rows)]
    assert set(after) <= {"not run"} and len(rows) == 13, output
    return int(first)


def test_it_holds(stage, tmp_path, rng):
    stage.meddler.rng = rng
    code, output = stage.run(tmp_path)
    assert code == 0, output
    assert "Every step held" in output and "FAILED" not in output
    stage.assert_as_before()


@once
def test_in_spanish(stage, tmp_path):
    code, output = stage.run(tmp_path, env={"LC_ALL": "es_ES.UTF-8", "LANG": "en_GB.UTF-8"})
    assert code == 0, output
    assert "Todo en orden" in output and not re.search(r"held|FAILED| is | the ", output)
    stage.assert_as_before()


@once
def test_asking_at_the_terminal(stage, tmp_path):
    ours, its = pty.openpty()
    try:
        child = stage.verify(tmp_path, commands=False, stdin=its)
        wait_until(lambda: "stop MySQL now" in child.output(), 20, child.output)
        stage.system.mysql.stop()
        wait_until(lambda: "start MySQL now" in child.output(), 20, child.output)
        stage.system.mysql.start()
        assert child.run() == 0, child.output()
    finally:
        os.close(ours)
        os.close(its)
    stage.assert_as_before()


# --- faults, each in one place, from the moment that is named ---

class DropsAField(Meddle):
    """Of an item read back."""

    step = 2

    def __call__(self, method, path, status, document):
        if method == "GET" and isinstance(document.get("data"), dict):
            document["data"].pop("acquisition_date", None)
        return status, document


class ForgetsAFieldInAnUpdate(Meddle):
    """What an update of the outage does not name is set to null."""

    step = 6

    def __call__(self, method, path, status, document):
        if method == "PATCH" and status == 202:
            document["data"]["acquisition_date"] = None
        return status, document


def double_last(document):
    document["data"].append(document["data"][-1])
    document["count"] += 1
    document["total"] += 1


class DoublesAnItem(Meddle):
    """In lists, once MySQL is back."""

    step = 11

    def __init__(self):
        self.was_down = self.back = False

    def __call__(self, method, path, status, document):
        if path == "/health":
            self.was_down |= not document["mysql"]
            self.back = self.was_down and document["mysql"]
        if self.back and path.startswith("/items?") and document["data"]:
            double_last(document)
        return status, document


class AnswersStale(Meddle):
    """Of each item the first answer for ever."""

    step = 2

    def __init__(self):
        self.first = {}

    def __call__(self, method, path, status, document):
        if method == "GET" and path.startswith("/items/"):
            return self.first.setdefault(path, (status, document))
        return status, document


class ShowsAnOldArea(Meddle):
    """Of one single item, the last that the outage changed, once it is drained."""

    step = 11

    def __call__(self, method, path, status, document):
        data = document.get("data")
        if method == "GET" and path.startswith("/items/pending_") and status == 200 and \
                isinstance(data["id"], int):
            data["area"] = "Sala 0"
        return status, document


class BringsBackTheDeleted(Meddle):
    """Who was deleted in the outage is there again after the drain."""

    step = 11

    def __init__(self):
        self.last = {}
        self.deleted = set()
        self.drained = False

    def __call__(self, method, path, status, document):
        if method == "DELETE" and status == 202:
            self.deleted.add(path)
        if method == "GET" and path in self.deleted and self.drained:
            return self.last[path]
        if method == "GET" and status == 200:
            self.last[path] = (status, document)
        self.drained = self.drained or bool(self.deleted) and path.startswith("/operations/") and \
            document.get("state") == "applied"
        return status, document


class SaysSuccessInAnOutage(Meddle):
    """201 instead of 202: what waits is called done."""

    step = 5

    def __call__(self, method, path, status, document):
        if status == 202:
            return 201, {"source": "MySQL", "status": "success", "data": document["data"]}
        return status, document


class NamesAnUpdateOddly(Meddle):
    """The operation's id is none that an address can hold: nothing that is looked for."""

    step = 8

    def __call__(self, method, path, status, document):
        if method == "PATCH" and status == 202:
            document["operation"] += "ñ"
        return status, document


class ClaimsMySQLInLists(Meddle):
    """Once something waits for it."""

    step = 5

    def __init__(self):
        self.waits = False

    def __call__(self, method, path, status, document):
        self.waits |= status == 202
        if self.waits and isinstance(document.get("data"), list) and path.startswith("/items"):
            document["source"] = "MySQL"
        return status, document


class ListsStale(Meddle):
    """By their own word."""

    step = 2

    def __call__(self, method, path, status, document):
        if isinstance(document.get("data"), list) and path.startswith("/items"):
            document["stale"] = True
        return status, document


class DoublesInTheWholeList(Meddle):
    """But in no page and in nothing that is looked for."""

    step = 2

    def __call__(self, method, path, status, document):
        if method == "GET" and path == "/items":
            double_last(document)
        return status, document


class LeavesOutOfTheWholeList(Meddle):
    """Somebody else's item."""

    step = 2

    def __call__(self, method, path, status, document):
        if method == "GET" and path == "/items":
            del document["data"][0]
            document["count"] -= 1
            document["total"] -= 1
        return status, document


class EmptiesPages(Meddle):
    """After the first."""

    step = 2

    def __call__(self, method, path, status, document):
        if "after=" in path:
            document.update(data=[], count=0, next=None)
        return status, document


class HasOneETag(Meddle):
    """For everything."""

    step = 2
    etag = '"1"'


class IgnoresIfNoneMatch(Meddle):
    step = 2
    drop = ("if-none-match",)


class IgnoresIfMatch(Meddle):
    step = 2
    drop = ("if-match",)


def items_in(document):
    data = document.get("data")
    return [one for one in (data if isinstance(data, list) else [data])
            if isinstance(one, dict) and "updated_at" in one]


class HasTimesOfLongAgo(Meddle):
    step = 2

    def __call__(self, method, path, status, document):
        for shown in items_in(document):
            shown["updated_at"] = "2001" + shown["updated_at"][4:]
        return status, document


class GoesBackInTime(Meddle):
    """By an hour with each version."""

    step = 2

    def __call__(self, method, path, status, document):
        for shown in items_in(document):
            time = datetime.datetime.fromisoformat(shown["updated_at"][:-1])
            time -= datetime.timedelta(hours=shown["version"])
            shown["updated_at"] = time.isoformat(timespec="microseconds") + "Z"
        return status, document


class ConfusesItemsOfOperations(Meddle):
    """Those of changes and deletes."""

    step = 8

    def __call__(self, method, path, status, document):
        if path.startswith("/operations/") and document.get("kind") in ("update", "delete"):
            document["item_id"] = 1
        return status, document


class DeletesWithoutId(Meddle):
    step = 7

    def __call__(self, method, path, status, document):
        if method == "DELETE" and status == 202:
            del document["id"]
        return status, document


class HasNoListOfTheDead(Meddle):
    step = 10

    def __call__(self, method, path, status, document):
        if path == "/sync/dead":
            document["data"] = None
        return status, document


@once
@pytest.mark.parametrize("fault", [
    DropsAField, ForgetsAFieldInAnUpdate, DoublesAnItem, AnswersStale, BringsBackTheDeleted,
    SaysSuccessInAnOutage, NamesAnUpdateOddly, ClaimsMySQLInLists, ListsStale, DoublesInTheWholeList,
    LeavesOutOfTheWholeList, EmptiesPages, HasOneETag, IgnoresIfNoneMatch, IgnoresIfMatch,
    HasTimesOfLongAgo, GoesBackInTime, ConfusesItemsOfOperations, DeletesWithoutId, HasNoListOfTheDead])
def test_a_fault_is_found(stage, tmp_path, fault):
    stage.meddler.meddle = fault()
    code, output = stage.run(tmp_path)
    assert code == 1 and failed_step(output) == fault.step, output
    stage.assert_as_before()


@once
@pytest.mark.parametrize("fault", [DropsAField, AnswersStale, ShowsAnOldArea])
def test_a_fault_of_one_of_two_behind_a_balancer_that_picks_at_random(stage, tmp_path, rng, fault):
    stage.meddler.meddle, stage.meddler.only, stage.meddler.rng = fault(), 1, rng
    code, output = stage.run(tmp_path)
    assert code == 1 and failed_step(output) == fault.step, output
    stage.assert_as_before()


@once
def test_a_daemon_that_never_drains(stage, tmp_path):
    """Somebody has the lease and does not give it back."""
    redis = stage.system.redis
    try:
        code, output = stage.run(tmp_path, "--timeout", "4",
                                 start=lambda _: redis.hold_lease(1 << 52, seconds=600))
    finally:
        redis.drop_lease()
    assert code == 1 and failed_step(output) == 9, output
    assert re.search(r"the drain: not within 4 s: /sync/status: pending_\w+: is \d, should be 0", output)
    stage.system.await_drained()
    stage.assert_as_before()


@once
def test_mysql_that_does_not_stop(stage, tmp_path):
    child = stage.verify(tmp_path, "--timeout", "1")
    code = child.run(stop=lambda: None, start=lambda: None)
    assert code == 1 and failed_step(child.output()) == 3, child.output()
    stage.assert_as_before()


@once
def test_broken_off_in_the_outage(stage, tmp_path):
    code, output = stage.run(tmp_path, stop=lambda child: child.child.send_signal(signal.SIGINT))
    assert code == 130 and failed_step(output) == 3, output
    assert "MySQL runs again" in output
    stage.assert_as_before()


@once
@pytest.mark.parametrize("output", ["pipe", "terminal"])
def test_output_that_goes_away_in_the_outage(stage, tmp_path, output):
    """The last reader of a pipe ends, a terminal is closed: its clean-up is done all the same."""
    ours, its = os.pipe() if output == "pipe" else pty.openpty()
    how = {"stdout": its} if output == "pipe" else {"terminal": its}
    child = stage.verify(tmp_path, **how)
    os.close(its)

    def stop_mysql():
        stage.system.mysql.stop()
        os.close(ours)
    code = child.run(stop=stop_mysql, start=stage.system.mysql.start)
    assert code == (0 if output == "pipe" else 130), child.output()
    assert stage.system.mysql.running
    stage.assert_as_before()


@once
def test_a_command_that_fails(stage, tmp_path):
    code, output = stage.run(tmp_path, "--stop-command", "echo no such server >&2; exit 3",
                             "--start-command", "true", commands=False)
    assert code == 1 and failed_step(output) == 3, output
    assert "no such server\n" in output and "ended with 3" in output
    stage.assert_as_before()


@once
def test_without_token(stage, tmp_path):
    code, output = stage.run(tmp_path, env={"RELEVO_TOKEN": ""})
    assert code == 1 and "a token is needed" in output


@once
def test_nobody_at_the_address(tmp_path):
    child = VerifySync(tmp_path, f"http://127.0.0.1:{free_port()}", "--timeout", "0.2",
                       env={"LC_ALL": "", "LC_MESSAGES": "es_MX", "LANG": "C"})
    assert child.run() == 1
    assert "sin respuesta" in child.output() and "FALLO" in child.output()


@once
@pytest.mark.parametrize("options, named", [
    (["--stop-command", "true"], "--start-command"), (["--timeout", "0"], "--timeout"),
    (["--url", "ftp://x"], "ftp://x"), (["--url", "localhost:8001"], "the URL has to be http://HOST[:PORT]"),
    (["--url", "http://x:y"], "the URL has to be http://HOST[:PORT]"),
    (["--local", "--compose"], "not allowed with"), ([], "no terminal"),
])
def test_wrong_usage(tmp_path, options, named):
    child = VerifySync(tmp_path, "http://127.0.0.1:1", *options, commands=False)
    assert child.run() == 2 and named in child.output(), child.output()


@once
@pytest.mark.parametrize("options, code, named", [
    (["--help"], 0, ["uso: ", "\nopciones:", "muestra esta ayuda y termina"]),
    (["--url", "localhost:8001"], 2, ["uso: ", "la URL tiene que ser http://HOST[:PORT]"]),
    (["--local", "--compose"], 2, ["argumento --compose: no se admite junto con --local"]),
    (["--timeout", "x"], 2, ["argumento --timeout: valor no válido para float: 'x'"]),
    (["--token"], 2, ["argumento --token: falta un valor"]),
    (["--local=x"], 2, ["argumento --local: no lleva valor, y se dio 'x'"]),
    (["--s", "x"], 2, ["opción ambigua: --s"]), (["x"], 2, ["no se conoce: x"]),
])
def test_usage_in_spanish(tmp_path, options, code, named):
    child = VerifySync(tmp_path, "http://127.0.0.1:1", *options, commands=False,
                       env={"LANG": "es_AR.UTF-8"})
    assert child.run() == code
    assert all(text in child.output() for text in named), child.output()
    assert not re.search(r"usage|options|argument |exit|show|value|must|between", child.output())
