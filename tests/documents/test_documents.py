"""The Markdown files: links, the generated tables, the same commands and facts in both languages, the
log lines they name."""
import os
import pathlib
import re
import subprocess

import pytest

from harness import wait_until
from harness.relevo import Relevo

from .blocks import TOP, commands, engine_commands

LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LOG_LINE = re.compile(r"`(\[(?:MYSQL|REDIS)\] [^`]*): …`")
DOCUMENTS = sorted(TOP / name for name in subprocess.run(
    ["find", ".", "(", "-name", "node_modules", "-o", "-name", "build*", "-o", "-name", ".*", "-a",
     "!", "-name", ".", ")", "-prune", "-o", "-name", "*.md", "-print"],
    cwd=TOP, check=True, capture_output=True, text=True).stdout.split())


def anchors(path):
    """The anchors of a file's headings, as GitHub names them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_there_are_documents():
    names = {path.name for path in DOCUMENTS}
    assert {"README.md", "README.es.md", "production.md", "CONTRIBUTING.md"} <= names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_every_link_leads_somewhere(document):
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = pathlib.Path(os.path.normpath(document.parent / name)) if name else document
        assert target.exists(), link
        if anchor:
            assert anchor in set(anchors(target)), link


def test_the_tables_of_options_are_up_to_date():
    done = subprocess.run([TOP / "scripts" / "options-table", "--check"], capture_output=True,
                          text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)
    assert done.returncode == 0, done.stderr


def test_compose_has_every_option_and_its_default():
    """But those that the image and the services settle."""
    rows = dict(re.findall(r"^\| `(RELEVO_\w+)` \| `?([^|`]*)`? \|",
                           (TOP / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    settled = {"RELEVO_LISTEN", "RELEVO_MYSQL_URL", "RELEVO_REDIS_URL", "RELEVO_INSTANCE",
               "RELEVO_TOKEN_FILE", "RELEVO_STATIC_DIR"}
    assert settled < set(rows)
    wanted = {name: "" if default == "none" else default
              for name, default in rows.items() if name not in settled}
    compose = (TOP / "docker-compose.yml").read_text(encoding="utf-8")
    passed = re.findall(r"^ +(RELEVO_\w+): \$\{(\w+):-(.*)\}$", compose, re.MULTILINE)
    assert all(name == variable for name, variable, _ in passed), passed
    assert {name: default for name, _, default in passed} == wanted
    example = dict(re.findall(r"^(RELEVO_\w+)=(.*)$", (TOP / ".env.example").read_text(encoding="utf-8"),
                              re.MULTILINE))
    del example["RELEVO_PUBLISH"]
    assert example == wanted


def test_both_languages_show_the_same_commands():
    english, spanish = commands("README.md"), commands("README.es.md")
    assert english == spanish and len(english) > 30
    english, spanish = engine_commands("README.md"), engine_commands("README.es.md")
    assert english == spanish and len(english) > 5


def prose(name):
    """A README without its blocks, the options' table, and the tour, which the Spanish one shortens."""
    text = FENCE.sub("", (TOP / name).read_text(encoding="utf-8"))
    text = re.sub(r"<!-- options:.*?<!-- /options -->", "", text, flags=re.DOTALL)
    return re.sub(r"^## (?:A tour of the source|El código fuente)$.*?(?=^## )", "", text,
                  flags=re.MULTILINE | re.DOTALL)


def names(text):
    """What stands in it as code, without the words for what is to be filled in."""
    return {re.sub(r"<\w+>", "<>", " ".join(code.split())) for code in re.findall(r"`([^`]+)`", text)}


def test_both_languages_name_the_same_things():
    english, spanish = names(prose("README.md")), names(prose("README.es.md"))
    assert english == spanish and len(english) > 100


def test_both_languages_link_to_the_same():
    english, spanish = (set(LINK.findall(prose(name))) - {"README.md", "README.es.md"}
                        for name in ("README.md", "README.es.md"))
    assert english == spanish and len(english) > 20


def test_a_server_that_cannot_be_used_is_logged_as_the_readme_says(tmp_path):
    lines = [line for line in LOG_LINE.findall(prose("README.md")) if "not usable" in line]
    assert sorted(lines) == ["[MYSQL] not usable", "[REDIS] not usable"]
    relevo = Relevo(str(tmp_path), "relevo", "mysql://a:b@127.0.0.1:1/c", "redis://127.0.0.1:1/0")
    try:
        relevo.start(wait="up")
        for line in lines:
            wait_until(lambda line=line: relevo.log_lines(f"WARN {line}: "), 10, line)
    finally:
        relevo.stop()
