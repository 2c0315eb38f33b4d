"""A process of its own, which has no threads: that of all the tests may have some."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

LIMIT_S = 60


def apart(check: Callable[[], None]) -> None:
    """Have a module's function checked there. Raise AssertionError with what it said."""
    name = check.__name__
    program = f"from {check.__module__} import {name}; {name}()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
