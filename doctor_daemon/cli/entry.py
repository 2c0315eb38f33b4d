"""Where `doctor-daemon` begins: the agents on a compute node load none of the other commands.

They need three times as long to start and twice the memory, which is nothing for an operator, and
something for every host of a fleet.
"""

from __future__ import annotations

import gc
import sys

AGENT, WATCHDOG = "heartbeat", "watchdog"
LOADING = (100_000, 50, 100)
"""When the garbage collector looks, until the daemon has settled: while modules, configuration and
incidents are loaded it finds nothing, and takes a sixth of the time."""


def main() -> int:
    """Run one command; return the exit status."""
    match sys.argv[1:]:
        case [word]:
            config = None
        case [word, "--config", config]:
            pass
        case _:
            word, config = "", None
    if word == AGENT:
        return _agent(config)
    if word == WATCHDOG:
        return _watchdog(config)
    gc.set_threshold(*LOADING)
    from doctor_daemon.cli.main import main as others  # noqa: PLC0415 - slow

    return others()


def _agent(config: str | None) -> int:
    from pathlib import Path  # noqa: PLC0415 - of this command alone

    from doctor_daemon.heartbeat import agent, settings  # noqa: PLC0415 - as above

    return agent.run(Path(config) if config else settings.CONFIG)


def _watchdog(config: str | None) -> int:
    from pathlib import Path  # noqa: PLC0415 - of this command alone

    from doctor_daemon.heartbeat import feeder, settings  # noqa: PLC0415 - as above

    return feeder.run(Path(config) if config else settings.CONFIG)


if __name__ == "__main__":
    sys.exit(main())
