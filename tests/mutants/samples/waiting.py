"""A test that waits for something that never comes under a change."""

from __future__ import annotations

import time

from doctor_daemon.core.instant import Instant


def test_a_moment_has_come() -> None:
    moment = Instant("boot", 7.0, 7.0)
    while not moment.reached(moment):
        time.sleep(0.1)
    assert moment.boot_id == "boot"
