"""The one PUT to a compute service: what it sends, and what its answer has to show to be believed.

Source: Nova API reference, "Update Compute Service", at microversion 2.53. Nova keeps no account
of who wrote what, and each field sent overwrites somebody's: so nothing is sent but what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from doctor_daemon.controllers.http import Answer
from doctor_daemon.controllers.rows import decode
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Temporary

REASON_MAX = 255


@dataclass(frozen=True, slots=True)
class Update:
    """One change of a service: the answer has to show `field` as it was sent, which is `deed`."""

    body: Mapping[str, object]
    field: str
    deed: str

    def shown(self, body: bytes, service: str) -> bool:
        """Tell whether an answer shows the deed, of this very service. Raise Temporary."""
        row = decode(body).get("service")
        if not isinstance(row, dict) or row.get("id") != service:
            return False
        found, sent = row.get(self.field), self.body[self.field]
        return type(found) is type(sent) and found == sent


LIFT = Update({"forced_down": False}, "forced_down", "not forced down any more")
"""Alone: Nova refuses it while `done` evacuations remain, and a status beside it would enable the
host before anybody has seen it up."""
ENABLE = Update({"status": "enabled"}, "status", "enabled")
"""It also wipes the reason, whoever wrote it."""


def fencing(reason: str, *, disable: bool) -> Update:
    """Force down, by forced_down alone or with status and reason in the same PUT."""
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


def judged(answer: Answer, service: str, update: Update) -> tuple[Outcome, str]:
    """Judge an answer to the PUT. A server error may come after the deed, a client error never."""
    words = f"Nova answered {answer.words()}"
    if answer.status == HTTPStatus.OK:
        return _believed(answer.body, service, update)
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Outcome.UNKNOWN, words
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.REFUSED, words
    return Outcome.UNKNOWN, words


def _believed(body: bytes, service: str, update: Update) -> tuple[Outcome, str]:
    try:
        if update.shown(body, service):
            return Outcome.ACCEPTED, f"Nova answered that the service is {update.deed}"
    except Temporary as error:
        return Outcome.UNKNOWN, f"Nova answered 200, but {error}"
    return Outcome.UNKNOWN, f"Nova answered 200, but does not show the service {update.deed}"
