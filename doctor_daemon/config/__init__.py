"""The configuration: one YAML file as frozen values.

`load` reads it, `check` reports on it. Every fault is named at once, and a file that has one is
refused whole: half a configuration could fence the wrong half.
"""

from __future__ import annotations

from doctor_daemon.config.check import Report, check
from doctor_daemon.config.load import load
from doctor_daemon.config.settings import (
    AuthKind,
    Choice,
    DeviceChoice,
    Settings,
    SourceAuth,
    SourceChoice,
)
from doctor_daemon.config.words import Address

__all__ = [
    "Address",
    "AuthKind",
    "Choice",
    "DeviceChoice",
    "Report",
    "Settings",
    "SourceAuth",
    "SourceChoice",
    "check",
    "load",
]
