"""The Markdown files: links, the generated tables, one set of commands in both languages."""
import os
import pathlib
import re
import subprocess

import pytest

from .blocks import TOP, commands, engine_commands

LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
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
