"""The commands of a Markdown file, and what each has to answer."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
REMARK = re.compile(r"\s+# .*")


def commands(name):
    """[(command, [pieces of its output])] of the `sh` blocks, in order, but those of the blocks that
    need a container engine."""
    return [found for block in blocks(name) if "docker" not in block for found in commands_of(block)]


def engine_commands(name):
    """The commands of the blocks that need a container engine."""
    return [command for block in blocks(name) if "docker" in block for command, _ in commands_of(block)]


def blocks(name):
    return BLOCK.findall((TOP / name).read_text(encoding="utf-8"))


def commands_of(block):
    lines = block.replace("\\\n", "").split("\n")
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        command, arrow, wanted = line.partition("# -> ")
        yield REMARK.sub("", command).strip(), wanted.split(", ") if arrow else []
