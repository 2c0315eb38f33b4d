"""Values as text, for the rows of a database: what is written can be read back, or is refused.

The head of an incident is everything but its timeline, its servers and their evacuations, which
grow and have rows of their own. It is written again with every step, so it is kept small: a limit
on it bounds what a step costs, and lets any store, one over a network too, take it in one piece.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Generic, TypeVar

from pydantic_core import from_json

from doctor_daemon.core.context import Armed, Maintenance
from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.host import Server
from doctor_daemon.core.incident import Entry, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import MassState, Passage
from doctor_daemon.core.port_tasks import PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.errors import Permanent
from doctor_daemon.stores.shape import Boots, Mismatch, Shape, record, shape

HEAD_MAX = 64 * 1024
"""Bytes of an incident's head. The bounds in the core keep it below; a test measures the worst."""

T = TypeVar("T")

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _no_number(name: str) -> object:
    msg = f"{name} is no number"
    raise ValueError(msg)


_decoder = json.JSONDecoder(parse_constant=_no_number)
_PARTS = {"value", "boots"}


class Codec(Generic[T]):
    """One type as JSON text: `{"boots": [...], "value": ...}`."""

    def __init__(self, name: str, inner: Shape) -> None:
        """Name what it is, for errors."""
        self._name = name
        self._shape = inner

    def dumps(self, value: T) -> str:
        """Return the text. Raise ValueError if it could not be read back: that is a bug."""
        boots: Boots = []
        data = {"value": self._shape.encode(value, boots), "boots": boots}
        text = _encoder.encode(data)
        # Half of a surrogate pair can be had from JSON that others send; no database takes it.
        return text if is_sound(text) else _ascii.encode(data)

    def loads(self, text: object) -> T:
        """Return the value. Raise Permanent if the text is not exactly one."""
        try:
            value: T = self._shape.decode(*_parsed(text))
        except ValueError as error:
            msg = f"the saved {self._name} cannot be read: {error}"
            raise Permanent(msg) from error
        return value


def _parsed(text: object) -> tuple[object, Boots]:
    if not isinstance(text, str):
        raise Mismatch("text", text)
    try:
        document = _read(text)
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None
    if type(document) is dict and document.keys() == _PARTS:
        boots = document["boots"]
        if type(boots) is list and (not boots or all(type(boot) is str for boot in boots)):
            return document["value"], boots
    msg = "expected a value and its boots"
    raise ValueError(msg)


def _read(text: str) -> object:
    """Return what a text is as JSON. Raise ValueError if it is none."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:  # half of a surrogate pair is none to it; of all else the reason is wanted
        return _decoder.decode(text)


def is_sound(text: str) -> bool:
    """Tell whether a text is valid Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sound(text: str) -> str:
    """Return a text that a database takes: what is no Unicode is spelt out."""
    return text if is_sound(text) else text.encode(errors="backslashreplace").decode()


INSTANT: Codec[Instant] = Codec("instant", shape(Instant))
ENTRY: Codec[Entry] = Codec("line of a timeline", shape(Entry))
ARMED: Codec[Armed] = Codec("switch", shape(Armed))
SERVER: Codec[Server] = Codec("server", shape(Server))
MAINTENANCE: Codec[Maintenance] = Codec("maintenance", shape(Maintenance))
EVACUATION: Codec[Evacuation] = Codec("evacuation", shape(Evacuation))
UPKEEP: Codec[Upkeep] = Codec("upkeep", shape(Upkeep))
PORT_TASK: Codec[PortTask] = Codec("task about ports", shape(PortTask))
RESERVE_TASK: Codec[ReserveTask] = Codec("host in reserve", shape(ReserveTask))
MASSES: Codec[MassState] = Codec("count of failed hosts", shape(MassState))
PASSAGE: Codec[Passage] = Codec("host that was let through", shape(Passage))
VOLUME_ORDER: Codec[VolumeOrder] = Codec("order about Cinder", shape(VolumeOrder))
VOLUME_TASK: Codec[VolumeTask] = Codec("task about Cinder", shape(VolumeTask))
HEAD_ROWS = frozenset({"timeline", "servers", "evacuations"})
HEAD: Codec[Incident] = Codec("incident", record(Incident, HEAD_ROWS))


def dump_head(incident: Incident) -> str:
    """Return the head of an incident. Raise ValueError if it is too large: that is a bug."""
    text = HEAD.dumps(incident)
    size = len(text.encode())
    if size > HEAD_MAX:
        msg = f"the head of incident {incident.id} has {size} bytes; {HEAD_MAX} are the limit"
        raise ValueError(msg)
    return text


def load_head(
    text: object,
    timeline: tuple[Entry, ...],
    servers: tuple[Server, ...],
    evacuations: tuple[Evacuation, ...],
) -> Incident:
    """Return an incident, whole. Raise Permanent if the head cannot be read."""
    return replace(
        HEAD.loads(text),
        timeline=timeline,
        servers={server.id: server for server in servers},
        evacuations={one.server.id: one for one in evacuations},
    )
