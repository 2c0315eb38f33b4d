"""``python -m tests.openstack.testbed install | up | status | down``: the testbed by hand."""

from __future__ import annotations

import sys
import time

from tests.openstack.testbed.calls import Cloud
from tests.openstack.testbed.control import down, up
from tests.openstack.testbed.install import exclusive, install
from tests.openstack.testbed.processes import Processes
from tests.openstack.testbed.site import Site, default_home


def _say(text: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {text}", flush=True)


def _status() -> None:
    site = Site.load(default_home())
    running = Processes(site.run).running()
    print("running:", ", ".join(running) or "nothing")
    if {"keystone", "nova"} <= set(running):
        for host, row in sorted(Cloud(site).compute_services().items()):
            print(host, row["state"], row["status"], "forced down" if row["forced_down"] else "")


def main(command: str) -> None:
    home = default_home()
    if command == "status":
        _status()
        return
    with exclusive(home):
        if command == "down":
            down(home)
        elif command == "install":
            install(home, _say)
        elif command == "up":
            install(home, _say)
            site = up(home, _say)
            print(f"export OS_CLIENT_CONFIG_FILE={site.run / 'clouds.yaml'}")
        else:
            raise SystemExit(f"unknown command {command!r}: install, up, status or down")


_BEGAN = time.monotonic()
if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
