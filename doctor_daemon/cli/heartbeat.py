"""`doctor-daemon heartbeat`, `watchdog` and `heartbeat-key`: what can be typed, and a host's key.

The agents are `doctor_daemon.heartbeat.agent` and `feeder`; `cli.entry` starts them without all
that the other commands need.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import SECRET_MIN, Algorithm, Key
from doctor_daemon.heartbeat.settings import CONFIG

AGENT, WATCHDOG, KEY = "heartbeat", "watchdog", "heartbeat-key"
AGENT_TEXTS = (
    "tell the daemon that this host lives, until told to stop: for compute nodes",
    "It ends with status 2 for a configuration or a key that cannot be used.",
)
WATCHDOG_TEXTS = (
    "feed this host's watchdog while the daemon acknowledges it: for compute nodes",
    "A host that is not acknowledged for long enough is reset. It ends with status 2 as above.",
)
_KEY_MORE = (
    "It is made from the secret that the daemon's source `heartbeat` has. Write it to a file of "
    "mode 0600 on that host, and to no other."
)
KEY_TEXTS = ("print the key of a host's agent", _KEY_MORE)
NUMBER_MAX = 255


def number(text: str) -> int:
    """Read the number of a key."""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:4]) <= NUMBER_MAX:
        msg = f"found {text!r}; expected a number from 1 to {NUMBER_MAX}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_agent(made: Any) -> None:  # noqa: ANN401 - argparse names no public type
    """Describe the agent's command."""
    made.add_argument(
        "--config", type=Path, default=CONFIG, metavar="FILE", help=f"default: {CONFIG}"
    )


def add_key(made: Any, host: Callable[[str], str]) -> None:  # noqa: ANN401 - as above
    """Describe the command that prints a key; `host` reads a name."""
    made.add_argument("host", type=host, metavar="HOST", help="exactly its name in Nova")
    made.add_argument(
        "--secret-file", type=Path, required=True, metavar="FILE", help="the source's secret"
    )
    made.add_argument(
        "--number", type=number, default=1, metavar="N", help="the secret's number; default: 1"
    )
    made.add_argument(
        "--algorithm",
        choices=[one.value for one in Algorithm],
        default=Algorithm.BLAKE2B.value,
        help="as the source has it; default: blake2b",
    )


def key_line(options: argparse.Namespace) -> str:
    """Return the line of a host's key. Raise ConfigError where the secret is none."""
    from doctor_daemon.ports import SecretFile  # noqa: PLC0415 - as above, and slow

    secret = SecretFile(options.secret_file.absolute()).read().encode()
    if len(secret) < SECRET_MIN:
        msg = f"{options.secret_file}: found {len(secret)} bytes; expected at least {SECRET_MIN}"
        raise ConfigError(msg)
    of_all = Key(options.number, Algorithm(options.algorithm), secret)
    return of_all.of(options.host.encode()).line()
