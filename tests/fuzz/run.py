"""Starts fuzzers and reads what they say of themselves at their end."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.table import CORPUS
from tests.house.source import ROOT

LENGTH_MAX = 16_384
"""Bytes of an input."""
MEMORY_MB = 2048
INPUT_S = 5
"""One input that takes longer is a finding."""
START_S = 60.0

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_EDGES = re.compile(r"cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `found`: what was wrong, empty if nothing was."""

    executed: int
    edges: int
    found: str


def fuzz(name: str, seconds: int, *, target: str = "tests.fuzz.drive", seed: int = 0) -> Outcome:
    """Fuzz one harness for so long, beginning with its seeds. `seed` 0: another one each time."""
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder, "new")
        new.mkdir()
        options = [
            *(f"-max_total_time={seconds}", f"-max_len={LENGTH_MAX}", f"-timeout={INPUT_S}"),
            *(f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={folder}/", f"-seed={seed}"),
            # Else seeds are let go for whatever is shorter and goes the same way through the code.
            "-keep_seed=1",
            *("-print_final_stats=1", str(new), str(CORPUS / name)),
        ]
        ended = subprocess.run(
            [sys.executable, "-m", target, name, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds + INPUT_S + START_S,
            check=False,
        )
        text = ended.stdout.decode(errors="replace")
        inputs = [path.read_bytes() for path in Path(folder).iterdir() if path.is_file()]
    edges = [int(count) for count in _EDGES.findall(text)]
    executed = sum(int(count) for count in _EXECUTED.findall(text))
    return Outcome(executed, max(edges, default=0), _finding(ended.returncode, text, inputs))


def _finding(status: int, text: str, inputs: list[bytes]) -> str:
    if status == 0 and not inputs:
        return ""
    told = "\n".join(line for line in text.splitlines() if not line.startswith(("#", "INFO:")))
    shown = "\n".join(f"the input: {one[:2000]!r}" for one in inputs)
    return f"exit status {status}\n{told[-6000:]}\n{shown}"
