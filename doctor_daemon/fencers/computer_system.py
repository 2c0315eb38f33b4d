"""What a Redfish service says of one ComputerSystem, taken at its exact word.

Everything that is not clearly On or Off is unknown, and a resource that is not clearly a System is
none: a Chassis, a Manager and the service's root have UUIDs and power states too, of something
else. Sources: DSP0266 (Redfish Specification) and DSP2046 (ComputerSystem, Reset).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from doctor_daemon.core.proof import Identity, Power
from doctor_daemon.errors import Permanent
from doctor_daemon.ports.secrets import conceal

FORCE_OFF = "ForceOff"
"""The one reset that cuts: all others leave the host on, or bring it back."""
ON = "On"
"""The one reset that switches on, and changes nothing of a host that is on."""
WORDS_MAX = 300
NAMED_MAX = 4

_RESET = "#ComputerSystem.Reset"
_ALLOWED = "ResetType@Redfish.AllowableValues"
_POWER = {"On": Power.ON, "Off": Power.OFF}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNSET = re.compile(r"[0-]+|[f-]+")
_ACTION = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*/?")
"""The path of an action below its System: no escapes and no dots that lead out of it again."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Where resets are sent to; or, in the obstacles, why they cannot be."""

    target: URL
    obstacle: str = ""
    """What stands in the way of ForceOff; empty: nothing."""
    on_obstacle: str = ""
    """What stands in the way of On."""

    def obstacle_to(self, kind: str) -> str:
        """Say why a reset cannot be sent; empty: it can."""
        return self.on_obstacle if kind == ON else self.obstacle


@dataclass(frozen=True, slots=True)
class System:
    """One answer. `said` is the power state in its own words."""

    identity: Identity
    power: Power
    said: str
    reset: Reset
    maker: str = ""
    """Its Manufacturer, as it says."""


def parse(content: bytes, url: URL) -> System:
    """Read the System that `url` answered with. Raise Permanent when it is none, saying what it is.

    The reset's target has to lie beneath the System's own URL (DSP0266, "POST (action)"): a service
    cannot direct the order, or the password that goes with it, to another host or another System.
    """
    body = _object(content)
    kind = body.get("@odata.type")
    if not isinstance(kind, str) or not kind.startswith("#ComputerSystem."):
        raise Permanent(_other(body, url))
    power = body.get("PowerState")
    known = _POWER.get(power, Power.UNKNOWN) if isinstance(power, str) else Power.UNKNOWN
    said = known.capitalize() if known is not Power.UNKNOWN else f"PowerState: {quoted(power)}"
    maker = _text(body, "Manufacturer")
    return System(_identity(body), known, said, _reset(body.get("Actions"), url), maker)


def complaint(content: bytes) -> str:
    """Return what a service says went wrong (DSP0266, "Error responses"), in one line."""
    try:
        error = _object(content).get("error")
    except Permanent:
        return ""
    if not isinstance(error, dict):
        return ""
    infos = error.get("@Message.ExtendedInfo")
    infos = infos if isinstance(infos, list) else [infos]
    texts = [info.get("Message") for info in infos[:NAMED_MAX] if isinstance(info, dict)]
    said = [text for text in (*texts, error.get("message")) if isinstance(text, str)]
    return cleaned("; ".join(dict.fromkeys(said)))


def cleaned(text: str) -> str:
    """Make a foreign text fit for a log: one printable line, bounded, without our secrets."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 8 * WORDS_MAX])
    return conceal(" ".join(line.split()))[:WORDS_MAX]


def quoted(value: object) -> str:
    """Show a foreign JSON value: what was found where something else was expected."""
    return "absent" if value is None else cleaned(json.dumps(value)[: 8 * WORDS_MAX])[:80]


def _object(content: bytes) -> Mapping[str, object]:
    try:
        body = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    msg = "the answer is not one JSON object"
    raise Permanent(msg)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says a thing twice: which of the two is true is anybody's guess."""
    body = dict(pairs)
    if len(body) != len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return body


def _other(body: Mapping[str, object], url: URL) -> str:
    """Say what it is that is no System, and which URL to configure instead."""
    members = body.get("Members")
    if isinstance(members, list):
        ids = [member.get("@odata.id") for member in members if isinstance(member, dict)]
        named = ", ".join(quoted(id_) for id_ in ids[:NAMED_MAX]) or "none"
        return f"{url.path} is a collection of {len(members)} ({named}): configure one member's URL"
    if isinstance(body.get("Systems"), dict):
        return f"{url.path} is the service's root: configure the URL of one System"
    return f"@odata.type: {quoted(body.get('@odata.type'))}; expected a #ComputerSystem"


def _identity(body: Mapping[str, object]) -> Identity:
    uuid = body.get("UUID")
    low = uuid.lower() if isinstance(uuid, str) else ""
    if not _UUID.fullmatch(low) or _UNSET.fullmatch(low):
        msg = f"UUID: {quoted(uuid)}; expected the machine's own"
        raise Permanent(msg)
    name = _text(body, "Name") or _text(body, "Id")
    return Identity(low, _text(body, "SerialNumber"), name, _text(body, "Model"))


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return cleaned(value) if isinstance(value, str) else ""


def _reset(actions: object, url: URL) -> Reset:
    action = actions.get(_RESET) if isinstance(actions, dict) else None
    if not isinstance(action, dict):
        return _hindered(url, "it offers no ComputerSystem.Reset")
    target = action.get("target")
    to = _joined(url, target) if isinstance(target, str) else None
    if to is None or not _beneath(to, url):
        return _hindered(url, f"its reset leads elsewhere: {quoted(target)}")
    allowed = action.get(_ALLOWED)
    return Reset(to, _missing(allowed, FORCE_OFF), _missing(allowed, ON))


def _hindered(url: URL, why: str) -> Reset:
    return Reset(url, why, why)


def _missing(allowed: object, kind: str) -> str:
    """Say that a reset is not offered; a service that lists none is taken to offer all."""
    if allowed is None or (isinstance(allowed, list) and kind in allowed):
        return ""
    return f"it does not offer {kind}, only {quoted(allowed)}"


def _joined(url: URL, target: str) -> URL | None:
    try:
        return url.join(URL(target))
    except ValueError:
        return None


def _beneath(to: URL, url: URL) -> bool:
    """Tell whether `to` is an action of the System at `url`: same origin, below its path."""
    base = url.raw_path.rstrip("/") + "/"
    plain = str(to) == f"{url.origin()}{to.raw_path}"  # names no user, query or fragment
    below = to.raw_path.startswith(base) and _ACTION.fullmatch(to.raw_path.removeprefix(base))
    return plain and bool(below)
