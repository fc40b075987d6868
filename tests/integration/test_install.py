"""`cmake --install`, the unit file and the manual page."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.relevo import daemon_environment, relevod_path

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = os.path.dirname(relevod_path())
UNIT = "lib/systemd/system/relevod.service"
DOC = "share/doc/relevo"


def run(*argv, **env):
    return subprocess.run(argv, text=True, capture_output=True, timeout=60,
                          env={**daemon_environment({}), **env})


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A prefix that everything was installed into."""
    prefix = tmp_path_factory.mktemp("prefix") / "usr"
    done = run("cmake", "--install", BUILD, "--prefix", str(prefix))
    assert done.returncode == 0, done
    return prefix


def files(folder):
    return {os.path.relpath(os.path.join(at, name), folder)
            for at, _, names in os.walk(folder) for name in names}


def test_everything_has_its_place(installed):
    there = files(installed)
    wanted = {"sbin/relevod", "share/man/man8/relevod.8", UNIT, "lib/sysusers.d/relevo.conf",
              *(f"{DOC}/{name}" for name in (
                  "README.md", "README.es.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
                  "LICENSE", "docs/http.md", "docs/internals.md", "docs/production.md",
                  "docs/openapi.json", "examples/tokens.example", "examples/relevod.env.example",
                  "examples/relevo.json")),
              *(f"{DOC}/docs/img/{path.name}" for path in (TOP / "docs" / "img").glob("*.png"))}
    assert there == wanted | {name for name in there if name.startswith("share/relevo/dashboard/")}
    if os.path.isdir(os.path.join(BUILD, "dashboard")):
        assert "share/relevo/dashboard/index.html" in there
    assert run(installed / "sbin/relevod", "--version").stdout.startswith("relevod ")
    unit = (installed / UNIT).read_text()
    assert f"\nExecStart={installed}/sbin/relevod\n" in unit
    assert f"\nEnvironmentFile=-{installed}/etc/relevo/relevod.env\n" in unit and "@RELEVO" not in unit


def test_every_relative_link_of_the_documents_leads_to_an_installed_file(installed):
    """What is not installed is named without a link."""
    documents = list((installed / DOC).rglob("*.md"))
    assert len(documents) > 5
    for document in documents:
        text = re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8"))
        for link in re.findall(r"\]\(([^)\s#]+)", text):
            if not re.match(r"https?://|mailto:", link):
                assert (document.parent / link).is_file(), f"{document}: {link}"


@pytest.mark.parametrize("prefix, config", [("/usr", "/etc/relevo"),
                                            ("/opt/relevo", "/opt/relevo/etc/relevo")])
def test_destdir_stands_in_front_and_is_written_nowhere(tmp_path, prefix, config):
    done = run("cmake", "--install", BUILD, "--prefix", prefix, DESTDIR=str(tmp_path))
    assert done.returncode == 0, done
    assert os.listdir(tmp_path) == [prefix.split("/")[1]]
    with open(f"{tmp_path}{prefix}/{UNIT}", encoding="utf-8") as unit:
        text = unit.read()
    assert f"\nExecStart={prefix}/sbin/relevod\n" in text and str(tmp_path) not in text
    assert f"\nEnvironmentFile=-{config}/relevod.env\n" in text
    with open(f"{tmp_path}{prefix}/{DOC}/examples/relevod.env.example", encoding="utf-8") as example:
        text = example.read()
    assert f"\n#RELEVO_TOKEN_FILE={config}/tokens\n" in text and str(tmp_path) not in text
    # In force where the dashboard is there: a folder that is not would end the daemon's start.
    off = "" if os.path.isdir(os.path.join(BUILD, "dashboard")) else "#"
    assert f"\n{off}RELEVO_STATIC_DIR={prefix}/share/relevo/dashboard\n" in text


@pytest.mark.release
def test_a_tree_in_a_folder_with_a_blank_is_installed(tmp_path):
    """Without compiling it: only the paths are in question."""
    tree = tmp_path / "a folder"
    shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns(
        ".*", "build*", "node_modules", "frontend", "tests", "bench"))
    done = run("cmake", "-S", str(tree), "-B", str(tree / "build"), "-G", "Ninja")
    assert done.returncode == 0, done
    for name in ("relevod", "relevod.8"):
        shutil.copy(os.path.join(BUILD, name), tree / "build" / name)
    done = run("cmake", "--install", str(tree / "build"), "--prefix", "/usr",
               DESTDIR=str(tmp_path / "a root"))
    assert done.returncode == 0, done
    usr = tmp_path / "a root" / "usr"
    assert "\nExecStart=/usr/sbin/relevod\n" in (usr / UNIT).read_text()
    assert "\n#RELEVO_STATIC_DIR=" in (usr / DOC / "examples/relevod.env.example").read_text()


def test_the_unit_is_valid_and_hardened(installed):
    """Exposure of 1.4 of 10 at most: it needs the network, and devices for the clock."""
    done = run("systemd-analyze", "verify", "--man=no", str(installed / UNIT))
    assert done.returncode == 0 and not done.stdout + done.stderr, done
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=14",
               str(installed / UNIT))
    assert done.returncode == 0, done.stdout
    unit = (installed / UNIT).read_text()
    assert "\nType=notify\n" in unit and re.search(r"\nWatchdogSec=\d+s\n", unit)


def test_the_examples_are_accepted(installed):
    examples = installed / DOC / "examples"
    settings = dict(line.lstrip("#").split("=", 1)
                    for line in (examples / "relevod.env.example").read_text().splitlines()
                    if re.match(r"#?RELEVO_", line))
    tokens = (examples / "tokens.example").read_text()
    filled = installed.parent / "tokens"
    filled.write_text(re.sub(r"(?m)^#TOKEN:(\w+)$", r"token-\1:\1", tokens))
    filled.chmod(0o600)
    assert filled.read_text().count("\ntoken-") == 3
    settings["RELEVO_TOKEN_FILE"] = str(filled)
    if not os.path.isdir(settings["RELEVO_STATIC_DIR"]):  # the build has no dashboard
        del settings["RELEVO_STATIC_DIR"]
    done = run(installed / "sbin/relevod", "--check-config", **settings)
    assert done.returncode == 0, done


def test_the_manual_page_is_clean(installed):
    page = installed / "share/man/man8/relevod.8"
    assert page.read_text() == run(relevod_path(), "--man").stdout
    done = run("man", "--warnings", "-l", str(page), LC_ALL="C.UTF-8", MANWIDTH="80")
    assert done.returncode == 0 and not done.stderr, done
    for name in ("--sync-interval duration, RELEVO_SYNC_INTERVAL", "SIGHUP", "WATCHDOG_USEC"):
        assert name in done.stdout
    done = run("mandoc", "-T", "lint", "-W", "style", str(page))
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_the_manual_page_breaks_no_word(installed):
    """What is copied from it has no hyphen too many and no blank in it."""
    done = run("man", "-l", str(installed / "share/man/man8/relevod.8"), LC_ALL="C.UTF-8",
               MANWIDTH="80")
    lines = done.stdout.splitlines()
    assert lines and not [line for line in lines if re.search(r"\w[-\u2010]$", line)]
    # Not set out to the right margin; the first and the last line are the page's head and foot.
    assert not [line for line in lines[1:-1] if re.search(r"\w {3,}\w+ {2,}\w", line)]


def test_the_manual_page_names_the_files_of_an_installation(tmp_path):
    done = run("cmake", "--install", BUILD, "--prefix", "/usr", DESTDIR=str(tmp_path))
    assert done.returncode == 0, done
    page = (tmp_path / "usr/share/man/man8/relevod.8").read_text().replace("\\-", "-")
    section = re.search(r"\n\.SH FILES\n(.*?)\n\.SH ", page, re.DOTALL)[1]
    named = re.findall(r"^\.I (/\S+)$", section, re.MULTILINE)
    configuration = {name for name in named if name.startswith("/etc/")}
    assert configuration == {"/etc/relevo/relevod.env", "/etc/relevo/tokens"}
    for name in set(named) - configuration:
        if not name.endswith("/dashboard") or os.path.isdir(os.path.join(BUILD, "dashboard")):
            assert os.path.exists(f"{tmp_path}{name}"), name
    unit = (tmp_path / "usr" / UNIT).read_text()
    assert "EnvironmentFile=-/etc/relevo/relevod.env\n" in unit and f"/usr/{UNIT}" in named
