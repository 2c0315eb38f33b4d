"""What the agent is told: a small file, /etc/doctor-daemon/heartbeat.toml.

    host = "cmp-1"                              # Nova's name of this host; default: its host name
    listeners = ["192.0.2.10:7412", "[2001:db8::10]:7412"]
    interval_s = 0.5
    key_file = "heartbeat.key"

    [watchdog]                       # only for `doctor-daemon watchdog`
    daemon = "192.0.2.10:7413"
    lease_s = 300
    timeout_s = 60

Listeners are addresses and no names: an agent that waits for a DNS server looks like a dead host.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.lease import (
    LEASE_MAX_S,
    LEASE_MIN_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
)
from doctor_daemon.heartbeat.wire import INTERVAL_MAX_S, INTERVAL_MIN_S, NAME_MAX

CONFIG = Path("/etc/doctor-daemon/heartbeat.toml")
LISTENERS_MAX = 8
PORT_MAX = 65_535
_KNOWN = ("host", "listeners", "interval_s", "key_file", "watchdog")
_OF_WATCHDOG = ("daemon", "lease_s", "timeout_s", "device", "uuid", "disarm_on_stop")
PRODUCT_UUID = Path("/sys/class/dmi/id/product_uuid")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """What the table `watchdog` says: the host has been opted in."""

    daemon: Address
    """Who acknowledges: one daemon's `watchdogs.listen`."""
    lease_s: float
    timeout_s: int
    device: Path
    uuid: str
    """The machine's, in lower case; empty: the firmware is asked."""
    disarm_on_stop: bool


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """One agent's settings."""

    host: str
    listeners: tuple[Address, ...]
    interval_s: float
    key_file: Path
    watchdog: WatchdogSettings | None = None


def load_settings(path: Path) -> AgentSettings:
    """Read the file. Raise ConfigError, which says what was found and what is expected."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    except ValueError as error:  # also what is not UTF-8
        msg = f"{path}: {error}"
        raise ConfigError(msg) from None
    try:
        return _settings(found, path.parent)
    except ConfigError as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from None


def _settings(found: Mapping[str, Any], folder: Path) -> AgentSettings:
    for option in found:
        if option not in _KNOWN:
            msg = f"{option}: unknown option; there are {', '.join(_KNOWN)}"
            raise ConfigError(msg)
    host = found.get("host", socket.gethostname())
    if not isinstance(host, str) or not host.isprintable() or not _fits(host):
        msg = f"host: found {host!r}; expected Nova's name of this host"
        raise ConfigError(msg)
    listeners = found.get("listeners")
    if not isinstance(listeners, list) or not 0 < len(listeners) <= LISTENERS_MAX:
        msg = f"listeners: expected a list of 1 to {LISTENERS_MAX} times ADDRESS:PORT"
        raise ConfigError(msg)
    return AgentSettings(
        host,
        tuple(address_of(text) for text in listeners),
        _within("interval_s", found.get("interval_s", 0.5), INTERVAL_MIN_S, INTERVAL_MAX_S),
        _key_file(found.get("key_file", "heartbeat.key"), folder),
        _watchdog(found["watchdog"]) if "watchdog" in found else None,
    )


def _watchdog(found: object) -> WatchdogSettings:
    if not isinstance(found, dict) or not found.keys() <= set(_OF_WATCHDOG):
        msg = f"watchdog: expected a table of {', '.join(_OF_WATCHDOG)}"
        raise ConfigError(msg)
    device, disarm = found.get("device", "/dev/watchdog"), found.get("disarm_on_stop", False)
    if not isinstance(device, str) or not device.startswith("/") or not device.isprintable():
        msg = f"watchdog.device: found {str(device)[:100]!r}; expected the path of a device"
        raise ConfigError(msg)
    if not isinstance(disarm, bool):
        msg = "watchdog.disarm_on_stop: expected true or false"
        raise ConfigError(msg)
    return WatchdogSettings(
        daemon=_at("watchdog.daemon", found.get("daemon")),
        lease_s=_within("watchdog.lease_s", found.get("lease_s", 300), LEASE_MIN_S, LEASE_MAX_S),
        timeout_s=_whole("watchdog.timeout_s", found.get("timeout_s", 60)),
        device=Path(device),
        uuid=_uuid(found.get("uuid", "")),
        disarm_on_stop=disarm,
    )


def _at(option: str, text: object) -> Address:
    try:
        return address_of(text)
    except ConfigError as error:
        msg = f"{option}: {error}"
        raise ConfigError(msg) from None


def _within(option: str, value: object, least: float, most: float) -> float:
    right = isinstance(value, float | int) and not isinstance(value, bool)
    if not right or not least <= float(str(value)) <= most:
        msg = f"{option}: found {value!r}; expected {least:g} to {most:g}"
        raise ConfigError(msg)
    return float(str(value))


def _whole(option: str, value: object) -> int:
    if not isinstance(value, int):
        msg = f"{option}: found {value!r}; expected whole seconds"
        raise ConfigError(msg)
    return int(_within(option, value, TIMEOUT_MIN_S, TIMEOUT_MAX_S))


def _uuid(value: object) -> str:
    try:
        return str(UUID(value)) if isinstance(value, str) and value else ""
    except ValueError:
        msg = f"watchdog.uuid: found {str(value)[:100]!r}; expected the UUID of this machine"
        raise ConfigError(msg) from None


def own_uuid(watchdog: WatchdogSettings) -> str:
    """Return the machine's UUID, of the settings or of the firmware. Raise ConfigError."""
    if watchdog.uuid:
        return watchdog.uuid
    try:
        return str(UUID(PRODUCT_UUID.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        msg = f"watchdog.uuid: missing; expected it, for {PRODUCT_UUID} does not say it"
        raise ConfigError(msg) from None


def _fits(host: str) -> bool:
    return 0 < len(host.encode(errors="surrogateescape")) <= NAME_MAX


def _key_file(value: object, folder: Path) -> Path:
    """Return the file; a relative one is looked for among systemd's credentials first."""
    if not isinstance(value, str) or not value.isprintable() or not value:
        msg = "key_file: expected the name of a file"
        raise ConfigError(msg)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and os.access(Path(credentials, value), os.F_OK):
        return Path(credentials, value)
    return folder / value


def address_of(text: object) -> Address:
    """Read ADDRESS:PORT, an IPv6 address in brackets. Raise ConfigError."""
    host, colon, port = str(text).rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        version = ipaddress.ip_address(bare).version
        number = int(port) if port.isascii() and port.isdigit() else 0
        right = bool(colon) and (version == 4) == (bare == host)  # noqa: PLR2004 - IPv4
    except ValueError:
        right, number = False, 0
    if not right or not 0 < number <= PORT_MAX:
        msg = f"found {str(text)[:100]!r}; expected ADDRESS:PORT, with no name for an address"
        raise ConfigError(msg)
    return bare, number
