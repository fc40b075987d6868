"""The commands of a Markdown file, and what each has to answer."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(name):
    """[(command, [pieces of its output])] of the `sh` blocks, in order. Those that need a container
    engine are for the test of the containers."""
    found = []
    for block in BLOCK.findall((TOP / name).read_text(encoding="utf-8")):
        if "docker" not in block:
            found += commands_of(block)
    return found


def commands_of(block):
    lines = block.replace("\\\n", "").split("\n")
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        command, arrow, wanted = line.partition("# -> ")
        yield command.strip(), wanted.split(", ") if arrow else []
