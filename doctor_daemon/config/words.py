"""Words of the file that are more than text: modes, addresses, networks, lists that may be one.

Each parser raises ValueError with what it expected; the file's reader says what it found.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from doctor_daemon.core.host import Mode

PORT_MAX = 65_535
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")
_MODES = {mode.name.lower(): mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: an IP address, and a port, of which 0 lets the kernel choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return ip_address(self.host).is_loopback


def parse_mode(value: object) -> Mode:
    """Read a mode."""
    if isinstance(value, Mode):
        return value
    mode = _MODES.get(value) if isinstance(value, str) else None
    if mode is None:
        msg = "expected observe, notify, fence or evacuate"
        raise ValueError(msg)
    return mode


def parse_address(value: object) -> Address:
    """Read an IP address and a port: 127.0.0.1:12345 or [::1]:12345."""
    if isinstance(value, Address):
        return value
    msg = "expected an IP address and a port, as 127.0.0.1:12345 or [::1]:12345"
    host, colon, port = str(value).rpartition(":")
    digits = port.isascii() and port.isdigit() and len(port) <= len(str(PORT_MAX))
    if not isinstance(value, str) or not colon or not digits or int(port) > PORT_MAX:
        raise ValueError(msg)
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(msg) from None
    if bracketed is not (address.version == 6):  # noqa: PLR2004 - the other one is 4
        raise ValueError(msg)
    return Address(str(address), int(port))


def parse_label(value: str) -> str:
    """Read a name that the configuration itself gives: it becomes part of paths and metrics."""
    if not _LABEL.fullmatch(value):
        msg = "expected a name of a-z, 0-9, '-' and '_', of at most 64 characters"
        raise ValueError(msg)
    return value


def parse_names(value: object) -> tuple[str, ...]:
    """Read one text or a list of texts."""
    items = [value] if isinstance(value, str) else value
    texts = _texts(items)
    if texts is None or not all(texts):
        msg = "expected a name or a pattern as cmp-[001-500], or a list of them"
        raise ValueError(msg)
    return texts


def parse_words(value: object) -> tuple[str, ...]:
    """Read one text or a list of texts."""
    texts = _texts([value] if isinstance(value, str) else value)
    if texts is None or not all(texts):
        msg = "expected a text, or a list of texts"
        raise ValueError(msg)
    return texts


def parse_some_names(value: object) -> tuple[str, ...]:
    """Read one text or a list of texts that is not empty: nothing never stands for everything."""
    texts = parse_names(value)
    if not texts:
        msg = "expected at least one name"
        raise ValueError(msg)
    return texts


def parse_networks(value: object) -> tuple[str, ...]:
    """Read a list of addresses and networks."""
    msg = "expected a list of addresses or networks, as [127.0.0.1, 192.0.2.0/24]"
    texts = _texts(value)
    if texts is None:
        raise ValueError(msg)
    try:
        networks = [ip_network(text) for text in texts]
    except ValueError as error:
        why = f"{msg}: {error}"
        raise ValueError(why) from None
    if any(network.prefixlen == 0 for network in networks):
        why = f"{msg}; a network of all addresses is no list"
        raise ValueError(why)
    return tuple(str(network) for network in networks)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    texts = tuple(item for item in value if isinstance(item, str))
    return texts if len(texts) == len(value) else None


def parse_level(value: object) -> tuple[object, ...]:
    """Read a fencing level: `manual`, which is a level without devices, or a list of devices."""
    if value == "manual":
        return ()
    if not isinstance(value, list) or not value:
        msg = "expected a list of power devices, or the word manual"
        raise ValueError(msg)
    return tuple(value)


def parse_uuid(text: str, order: str) -> str:
    """Read a UUID as lower case with dashes, in the order in which the device will say it.

    SMBIOS (DSP0134, 7.2.1) stores the first three fields with the lowest byte first; some devices
    show these bytes as they lie, and `smbios` undoes that.
    """
    if not _UUID.fullmatch(text):
        msg = "expected a UUID, as 00112233-4455-6677-8899-aabbccddeeff"
        raise ValueError(msg)
    found = uuid.UUID(text)
    if found.int in (0, 2**128 - 1):
        msg = "expected a UUID that is the host's own; this one stands for none"
        raise ValueError(msg)
    return str(uuid.UUID(bytes=found.bytes_le) if order == "smbios" else found)
