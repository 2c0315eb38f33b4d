"""What stands in etcd under which key, and how.

Under the prefix, `ORDER` being the number of the commit that wrote it, in sixteen digits:

    schema              the version of all this
    term                the newest term, and who has claimed it
    leader              who leads, for as long as the lease runs that this key hangs on
    daemons/ID          a daemon that leads or stands by, as long as its lease runs
    mark                the last commit: its name, its order, its moment
    i/ID                the head of an incident, and the order of its opening
    p/ID/VERSION        what one step added to it: timeline, servers, evacuations
    n/ORDER             notices that were made together, as they were made
    d/ORDER             how these stand now, without their bodies
    e/ORDER  c/ORDER    evidence; charges
    l/ORDER             all the rest of a commit, which is small
    s/NUMBER            sequence numbers whose notices are not kept any more, or below x/
    returns             when hosts came back, of incidents that are not kept any more, or below x/
    a/NUMBER            lines of the audit that were written together, the first of this number
    audit               the last line of it that was dropped
    x/ID                an incident that is over, and what was told of it: first the short of it

A value is a part of a `Change` as JSON, fields that are empty left out; a large one is packed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints
from urllib.parse import quote

from doctor_daemon.core.audit import ORIGIN, Link, Row
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.codec import HEAD_ROWS, Codec
from doctor_daemon.stores.etcd_json import is_number
from doctor_daemon.stores.shape import Boots, Mismatch, Shape, record, shape

SCHEMA = 2
"""2: whoever leads has a lease, and there is an audit: what knows neither must not write."""
PACKED_MIN = 512
"""Bytes from which on a value is packed."""
UNPACKED_MAX = 64 * 1024 * 1024
"""Bytes of a value that is not packed, or not any more."""
_PACKED = b"z"
DIGITS = 16
PAST = "x/"
"""What the keys of incidents that are over begin with: no other key of ours comes after them."""
AUDIT = "a/"
"""What the keys of the audit's lines begin with: no other key of ours comes before them."""
PARTS = frozenset({"entries", "servers", "servers_gone", "evacuations"})
"""The fields of a change that are rows of its incident."""
PACKS: Mapping[str, str] = {"n": "notices", "e": "evidence", "c": "charges"}
"""The fields of a change that have keys of their own."""
NUMBERED = frozenset({"a", "d", "l", "s", *PACKS})
"""The kinds of keys that have a number."""
DAEMONS = "daemons/"
WORD = "disarm"
"""The key of what is said to whoever leads."""
SINGLE = frozenset({"schema", "term", "leader", "mark", "returns", "audit", WORD})
REST = (
    frozenset(field.name for field in fields(Change))
    - PARTS
    - frozenset(PACKS.values())
    - frozenset({"head", "audit"})
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The last commit. `id` is its name, by which a lost answer is found again."""

    id: str
    order: int = 0
    moment: Instant | None = None
    audit: Link = ORIGIN
    """Where the audit stands after it."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the audit that were written together."""

    rows: tuple[Row, ...]
    until_wall_s: float
    """When the last of them was made."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who leads. `by` is of this opening alone."""

    term: int
    by: str


@dataclass(frozen=True, slots=True)
class Lane:
    """The last number that a consumer was given about a host."""

    consumer: str
    host: HostId
    last: int
    told: int = 0
    """The last that was delivered, of those whose notices are below x/."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """Some of them."""

    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Whose host came back, and when."""

    host: HostId
    wall_s: float


@dataclass(frozen=True, slots=True)
class Returns:
    """The latest of them."""

    returns: tuple[Return, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """The short of an incident that is over, which is known without reading the whole.

    `notices`, `orders`: the ids of what was told of it, and the orders of their commits.
    """

    id: IncidentId
    host: HostId
    order: int
    phase: str
    opened_wall_s: float
    ended_wall_s: float
    text: str
    came_back: bool
    notices: tuple[str, ...]
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The head of an incident, and the order of its opening."""

    order: int
    head: Incident


def _changes() -> Shape:
    """Return the shape of a change: an object of the fields that are not empty."""
    hints = get_type_hints(Change)
    inner = {name: shape(hints[name]) for name in hints if name not in {"head", "audit"}}
    empty = Change()

    def encode(value: object, boots: Boots) -> dict[str, object]:
        return {
            name: one.encode(getattr(value, name), boots)
            for name, one in inner.items()
            if getattr(value, name) != getattr(empty, name)
        }

    def decode(value: object, boots: Boots) -> Change:
        if type(value) is not dict or not value.keys() <= inner.keys():
            raise Mismatch("an object of a change's fields", value)
        told: dict[str, Any] = {}
        for name, item in value.items():
            try:
                told[name] = inner[name].decode(item, boots)
            except Mismatch as error:
                raise error.within(name) from None
        return replace(empty, **told)

    return Shape(encode, decode)


def _opened() -> Shape:
    head, whole = record(Incident, HEAD_ROWS), shape(int)

    def encode(value: object, boots: Boots) -> dict[str, object]:
        if not isinstance(value, Opened):
            raise Mismatch("an opened incident", value)
        return {"order": value.order, "head": head.encode(value.head, boots)}

    def decode(value: object, boots: Boots) -> Opened:
        match value:
            case {"order": order, "head": found, **rest} if not rest:
                return Opened(whole.decode(order, boots), head.decode(found, boots))
        raise Mismatch("an order and a head", value)

    return Shape(encode, decode)


CHANGE: Codec[Change] = Codec("change", _changes())
OPENED: Codec[Opened] = Codec("incident", _opened())
LINK: Codec[Link] = Codec("end of the audit", shape(Link))
LINES: Codec[Lines] = Codec("audit", shape(Lines))
MARK: Codec[Mark] = Codec("mark", shape(Mark))
CLAIM: Codec[Claim] = Codec("term", shape(Claim))
LANES: Codec[Lanes] = Codec("sequence numbers", shape(Lanes))
RETURNS: Codec[Returns] = Codec("returns of hosts", shape(Returns))
SHORT: Codec[Short] = Codec("short of an incident", shape(Short))


class TooLarge(ValueError):
    """What one caller wants to save, and etcd cannot take: it says nothing of the store."""


def packed(text: str) -> bytes:
    """Return a text as a value. Raise TooLarge for one that would not be read back."""
    data = text.encode()
    if len(data) > UNPACKED_MAX:
        raise TooLarge(f"etcd: a value has {len(data)} bytes; {UNPACKED_MAX} are the limit")
    return _PACKED + zlib.compress(data, 1) if len(data) >= PACKED_MIN else data


def unpacked(value: bytes) -> str:
    """Return a value's text. Raise Permanent if it has none."""
    try:
        if value[:1] == _PACKED:
            inflating = zlib.decompressobj()
            value = inflating.decompress(value[1:], UNPACKED_MAX)
            if not inflating.eof:
                raise Permanent(f"etcd: a value has more than {UNPACKED_MAX} bytes, or no end")
        return value.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise Permanent(f"etcd: a value cannot be read: {error}") from None


def some(change: Change, names: frozenset[str]) -> Change:
    """Return a change with these of its fields alone."""
    return Change(**{name: getattr(change, name) for name in names})


def is_ours(key: str) -> bool:
    """Tell whether a key could be one of ours."""
    kind, _, rest = key.partition("/")
    if kind in NUMBERED:
        return is_number(rest, DIGITS)
    return key in SINGLE or (kind in {"i", "p", "x", "daemons"} and bool(rest))


def ordered(kind: str, order: int) -> str:
    """Return the key of what a commit wrote; such keys stand in the order of the commits."""
    return f"{kind}/{order:0{DIGITS}}"


def head_key(id_: str) -> str:
    """Return the key of an incident's head."""
    return f"i/{_plain(id_)}"


def past_key(id_: str) -> str:
    """Return the key of an incident that is over."""
    return f"{PAST}{_plain(id_)}"


def parts_key(id_: str, version: int | None = None) -> str:
    """Return the key of what a step added; without a version, what all of these begin with."""
    begin = f"p/{_plain(id_)}/"
    return begin if version is None else f"{begin}{version:0{DIGITS}}"


def _plain(id_: str) -> str:
    """Spell an id so that it can stand between two strokes."""
    return quote(id_.encode(errors="surrogatepass"), safe="")
