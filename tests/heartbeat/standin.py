"""An agent as a process of its own, with a stand-in for the device, and with quicker times.

python -m tests.heartbeat.standin CONFIG DEVICE LEASE_S TIMEOUT_S DISARMS
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from doctor_daemon.heartbeat.dog import Dog
from doctor_daemon.heartbeat.feeder import Feeder
from doctor_daemon.heartbeat.keys import read_key
from doctor_daemon.heartbeat.settings import load_settings
from tests.heartbeat.hardware import StandIn


def _opened(device: Path, timeout_s: int) -> Dog:
    return Dog(StandIn(device), timeout_s)


def main() -> None:
    config, device, lease_s, timeout_s, disarms = sys.argv[1:]
    settings = load_settings(Path(config))
    assert settings.watchdog is not None
    wanted = replace(
        settings.watchdog,
        lease_s=float(lease_s),
        timeout_s=int(timeout_s),
        disarm_on_stop=disarms == "1",
    )
    opened = partial(_opened, Path(device), int(timeout_s))
    key = read_key(settings.key_file)
    Feeder(wanted, settings.host, key, wanted.uuid, opened).run()


if __name__ == "__main__":
    main()
