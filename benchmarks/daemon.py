"""The daemon, while its host map is being read anew all the time.

`python -m benchmarks.daemon EVERY_S CONFIG` makes the daemon as `doctor-daemon run CONFIG` does and
runs it unchanged. Beside it, on the same event loop and over the same connections, runs the shipped
poller once more, which makes a full pass over all servers, pauses EVERY_S seconds, and begins the
next. As shipped a full
pass is made once an hour, and the changes are read every 10 s: too seldom for an incident to meet
one by chance. Its priority is that of the shipped unit, where the one who runs this may give it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from doctor_daemon import log
from doctor_daemon.config import load
from doctor_daemon.engine.poller import Poller, Polling
from doctor_daemon.main import Daemon, ended
from doctor_daemon.ports import Fleet

NEVER_S = 86_400.0
NICE = -10
"""As in systemd/doctor-daemon.service."""


def _overlook(_: Fleet) -> None:
    """Leave the services to the daemon's own poller."""


def _bug(what: str, error: Exception) -> None:
    raise RuntimeError(what) from error


async def refreshed(daemon: Daemon, every_s: float) -> None:
    """Run a daemon and, beside it, the poller that reads all servers again and again."""
    pace = Polling(services_every_s=NEVER_S, servers_every_s=NEVER_S, full_pass_every_s=every_s)

    async def refresh() -> None:
        await daemon.engine.ready.wait()
        await Poller(daemon.engine.ward, _overlook, _bug, pace).run()

    beside = asyncio.create_task(refresh())
    try:
        await daemon.run()
    finally:
        beside.cancel()
        await asyncio.wait((beside,))
    if not beside.cancelled() and (error := beside.exception()):
        raise error


def main(every_s: float, path: Path) -> int:
    """Run as the command line does; return the exit status."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    log.setup("text", "info")
    try:
        settings = load(path)
        log.setup(settings.log.format, settings.log.level)
        asyncio.run(refreshed(Daemon(settings), every_s))
    except Exception as error:  # noqa: BLE001 - told in the daemon's own words, as it does
        return ended(error)
    else:
        return 0
    finally:
        log.close()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), Path(sys.argv[2])))
