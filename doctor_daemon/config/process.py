"""The options of the process itself: how its operators reach it, and what it logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from doctor_daemon.config.section import Section


class Operators(Section):
    """How operators reach the daemon: a Unix socket, which knows who calls."""

    socket: Path = Path("/run/doctor-daemon/doctor-daemon.sock")
    """The socket."""
    group: str = "doctor-daemon"
    """Members of this group may give orders, as root may."""


class Log(Section):
    """The log, on standard error."""

    format: Literal["json", "text"] = "json"
    """`json`: one object a line; `text`: for reading."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
