"""The switch behind sushy-tools' emulator: its power and its faults, as two small files.

A test and the emulator's process both read and write them.
"""

from __future__ import annotations

from pathlib import Path

import bcrypt

USER = "admin"
PASSWORD = "correct horse"
DELAY_S = 0.2
"""From an accepted cut to its effect, as on a real machine: never at once."""
SLOW_S = 6.0


def set_password(folder: Path, password: str) -> Path:
    """Have the emulator take this one only, from now on; return the file that says so."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    login = folder / "htpasswd"
    new = login.with_suffix(".new")
    new.write_text(f"{USER}:{hashed}\n", encoding="ascii")
    return new.replace(login)


class Switch:
    """The two files. A fault is one of: none, silent, mute, refuses, stuck, lies-off."""

    def __init__(self, folder: Path) -> None:
        self._power = folder / "power"
        self._fault = folder / "fault"

    @property
    def power(self) -> str:
        return self._power.read_text(encoding="ascii")

    @power.setter
    def power(self, state: str) -> None:
        self._put(self._power, state)

    @property
    def fault(self) -> str:
        return self._fault.read_text(encoding="ascii")

    @fault.setter
    def fault(self, fault: str) -> None:
        self._put(self._fault, fault)

    def _put(self, file: Path, text: str) -> None:
        """Replace the file in one step: the other process reads it at any moment."""
        new = file.with_suffix(".new")
        new.write_text(text, encoding="ascii")
        new.replace(file)
