"""The commands of docs/operations.md, typed in a box in which the project has been checked out."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import MADE, ROOT
from tests.systemd.box import Box

PAGE = ROOT / "docs" / "operations.md"
CHECKOUT = "/usr/src/doctor-daemon"


def check_out(box: Box) -> None:
    """Put a copy of the project into the box."""
    made = shutil.ignore_patterns(*MADE, ".*", "*.egg-info", "tests")
    shutil.copytree(ROOT, box.path(CHECKOUT), ignore=made)


def commands(heading: str) -> Iterator[tuple[str, ...]]:
    """What is typed under a heading of the page."""
    text = PAGE.read_text()
    found = re.search(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text)
    assert found, f"{PAGE} has no section {heading!r}"
    for block in re.findall(r"(?ms)^```console\n(.*?)^```$", found[1]):
        yield from (tuple(shlex.split(line[2:])) for line in block.splitlines())


def headings() -> list[str]:
    """Every section in which something is typed."""
    found = re.findall(r"(?m)^## (.*)$", PAGE.read_text())
    return [heading for heading in found if any(commands(heading))]


def typed(box: Box, heading: str) -> str:
    """Type what stands under a heading, each command has to succeed; return what they print."""
    return "\n".join(box.ask(*words, cwd=CHECKOUT) for words in commands(heading))


def copied(box: Box, inside: str, text: str, mode: int = 0o644) -> None:
    """Write a file of root's in the box."""
    path = box.path(inside)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode)
    path.write_text(text)
    Path(path).chmod(mode)
