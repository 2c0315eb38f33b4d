"""What can be typed after `doctor-daemon drill`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

WORD = "drill"
TEXT = "cut a host's power, and see one server saved, and the host come back"
MORE = (
    "It boots a canary server on an empty host, has the host fenced and the canary evacuated, has "
    "the host switched on and released, and deletes the canary. Only hosts that the section "
    "`drill` of the configuration names, without a single other server. You are asked to type the "
    "host's name first."
)


def add(made: Any, config: Path, host: Callable[[str], str]) -> None:  # noqa: ANN401 - argparse names no public type
    """Describe the command; `host` reads a name, `config` is where the configuration lies."""
    made.add_argument(
        "--canary", required=True, type=host, metavar="HOST", help="the host that is to fail"
    )
    made.add_argument(
        "--config", type=Path, default=config, metavar="FILE", help=f"default: {config}"
    )
    made.add_argument(
        "--socket", type=Path, help="the daemon's socket (default: as the configuration has it)"
    )
    made.add_argument(
        "--why", default="a drill", metavar="REASON", help="for the record (default: a drill)"
    )
    made.add_argument("--yes", action="store_true", help="do not have the host's name typed")
    made.add_argument(
        "--json", action="store_true", help="say how it went in one last line, as JSON"
    )
