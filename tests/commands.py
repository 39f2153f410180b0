"""The commands of README and docs, as they stand there to be pasted."""

import re
from itertools import chain
from typing import NamedTuple

from tests.services import ROOT

FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s+# .*$")


class Block(NamedTuple):
    """A fenced block of shell: its file, and its commands without their comments."""

    file: str
    commands: tuple[str, ...]


def blocks() -> list[Block]:
    """Return every block of README and docs, in the order they are read in."""
    files = chain([ROOT / "README.md"], sorted((ROOT / "docs").glob("*.md")))
    return [
        Block(str(path.relative_to(ROOT)), commands_of(text))
        for path in files
        for text in FENCED.findall(path.read_text())
    ]


def commands_of(text: str) -> tuple[str, ...]:
    """Return a block's commands; an indented line goes on with the one before."""
    commands: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            commands[-1] += "\n" + line
        elif line and not line.startswith("#"):
            commands.append(COMMENT.sub("", line))
    return tuple(commands)
