"""What is written to a compute service, and what an answer has to show to be believed.

Source: Nova API reference, "Compute services (os-services)". From 2.53 it is one PUT by UUID.
Before, it is one for each thing that changes, by the name of the host, and what was taken on of the
first is not undone when the second fails. Nova keeps no account of who wrote what, and each field
sent overwrites somebody's: so nothing is sent but what is meant.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.microversions import FORCE_DOWN, STATUS, UPDATE, Span
from doctor_daemon.controllers.rows import decode
from doctor_daemon.controllers.services import BINARY
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, LateError, Temporary
from doctor_daemon.ports import Permit

REASON_MAX = 255
_NAMED = re.compile(r"[0-9]{1,18}@(\S{1,255})")
"""The id of a service that has no UUID, as `services` makes it: its number, and its host."""


@dataclass(frozen=True, slots=True)
class Update:
    """One change of a service: the answer has to show `field` as it was sent, which is `deed`."""

    body: Mapping[str, object]
    field: str
    deed: str


LIFT = Update({"forced_down": False}, "forced_down", "not forced down any more")
"""Alone: Nova refuses it while `done` evacuations remain, and a status beside it would enable the
host before anybody has seen it up."""
ENABLE = Update({"status": "enabled"}, "status", "enabled")
"""It also wipes the reason, whoever wrote it."""


def disabling(reason: str) -> Update:
    """Disable, by status and reason alone."""
    body = {"status": "disabled", "disabled_reason": storable(reason)}
    return Update(body, "status", "disabled")


def fencing(reason: str, *, disable: bool) -> Update:
    """Force down, by forced_down alone or with status and reason as well."""
    more = {"status": "disabled", "disabled_reason": storable(reason)} if disable else {}
    return Update({"forced_down": True, **more}, "forced_down", "forced down")


def storable(reason: str) -> str:
    """Return a disabled_reason that Nova can store and that nothing but a person will undo.

    libvirt's driver enables again what is disabled with a reason that begins with `AUTO: `. Nova's
    tables hold no character beyond the Basic Multilingual Plane.
    """
    words = "".join(letter if _plain(letter) else "?" for letter in reason).strip()
    if words.upper().startswith("AUTO:") or not words:
        words = f"doctor-daemon: {words}".rstrip()
    return words if len(words) <= REASON_MAX else words[: REASON_MAX - 1] + "…"


def _plain(letter: str) -> bool:
    return letter.isprintable() and letter <= "\uffff"


# what is sent


@dataclass(frozen=True, slots=True)
class Put:
    """One PUT, and what its answer has to show: the very service, with the deed done to it."""

    path: str
    span: Span
    body: Mapping[str, object]
    shows: Mapping[str, object]
    deed: str

    def shown(self, body: bytes) -> bool:
        """Tell whether an answer shows it all. Raise Temporary."""
        row = decode(body).get("service")
        return isinstance(row, dict) and all(
            type(row.get(key)) is type(value) and row[key] == value
            for key, value in self.shows.items()
        )


def puts(service: str, update: Update) -> Sequence[Put]:
    """Return what is to be sent, in this order. The id tells the dialect. Raise ValueError."""
    named = _NAMED.fullmatch(service)
    if named:
        return tuple(_by_name({"host": named[1], "binary": BINARY}, update))
    id_ = str(uuid.UUID(service))
    shows = {"id": id_, update.field: update.body[update.field]}
    return (Put(f"os-services/{id_}", UPDATE, update.body, shows, update.deed),)


def _by_name(named: Mapping[str, object], update: Update) -> Iterator[Put]:
    """Yield forced_down first: then Nova asks a host that died unnoticed nothing, and waits not."""
    body = update.body
    if "forced_down" in body:
        flag = {**named, "forced_down": body["forced_down"]}
        yield Put("os-services/force-down", FORCE_DOWN, flag, flag, update.deed)
    if body.get("status") == "enabled":
        shows = {**named, "status": "enabled"}
        yield Put("os-services/enable", STATUS, named, shows, "enabled")
    if body.get("status") == "disabled":
        why = {**named, "disabled_reason": body["disabled_reason"]}
        shows = {**named, "status": "disabled"}
        yield Put("os-services/disable-log-reason", STATUS, why, shows, "disabled")


async def write(
    compute: Compute, service: str, update: Update, permit: Permit
) -> tuple[Outcome, str]:
    """Have a service changed. The outcome is that of the first PUT; the text tells of all.

    The permit is asked before each. Raise LateError: it had lapsed before anything was sent.
    """
    try:
        first, *others = puts(service, update)
    except ValueError:
        return Outcome.REFUSED, f"{service!r:.60} is no id of a compute service"
    outcome, text = await _send(compute, first, permit)
    if outcome is Outcome.ACCEPTED:
        for put in others:
            text = f"{text}; {await _also(compute, put, permit)}"
    return outcome, text


async def _also(compute: Compute, put: Put, permit: Permit) -> str:
    """Send what follows on what was taken on already, and say what has become of it."""
    try:
        outcome, text = await _send(compute, put, permit)
    except LateError as error:
        outcome, text = Outcome.UNSENT, str(error)
    if outcome is Outcome.ACCEPTED:
        return text
    if outcome is Outcome.UNKNOWN:
        return f"whether it is {put.deed} is not known: {text}"
    return f"it is not {put.deed}: {text}"


async def _send(compute: Compute, put: Put, permit: Permit) -> tuple[Outcome, str]:
    try:
        answer = await compute.put(put.path, put.body, put.span, permit)
    except NoAnswerError as error:
        return Outcome.UNKNOWN, str(error)
    except LateError:
        raise
    except DoctorError as error:  # no connection, or no token
        return Outcome.REFUSED, str(error)
    return judged(answer, put)


# what is believed


def judged(answer: Answer, put: Put) -> tuple[Outcome, str]:
    """Judge an answer to the PUT. A server error may come after the deed, a client error never."""
    words = f"Nova answered {answer.words()}"
    if answer.status == HTTPStatus.OK:
        return _believed(answer.body, put)
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Outcome.UNKNOWN, words
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.REFUSED, words
    return Outcome.UNKNOWN, words


def _believed(body: bytes, put: Put) -> tuple[Outcome, str]:
    try:
        if put.shown(body):
            return Outcome.ACCEPTED, f"Nova answered that the service is {put.deed}"
    except Temporary as error:
        return Outcome.UNKNOWN, f"Nova answered 200, but {error}"
    return Outcome.UNKNOWN, f"Nova answered 200, but does not show the service {put.deed}"
