"""Deleting a compute service: how it is asked for, and how that was answered.

Source: Nova API reference, "Delete Compute Service". It is asked for by an id that is never given
again, so to ask twice does no harm, and a 404 says as much as a 204. Nova refuses it (409) while it
sees servers or migrations of the host, and takes the host out of its aggregates, of its cell and
of placement besides.
"""

from __future__ import annotations

import re
import uuid
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.microversions import STATUS, UPDATE, Span
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, LateError
from doctor_daemon.ports import Permit

_NUMBERED = re.compile(r"([0-9]{1,18})@\S{1,255}")
"""The id of a service that has no UUID, as `services` makes it: its number, and its host."""


async def delete(compute: Compute, service: str, permit: Permit) -> tuple[Outcome, str]:
    """Ask once. ACCEPTED: Nova has said that there is no such service. Raise LateError."""
    try:
        path, span = _place(service)
        answer = await compute.delete(path, span, permit)
    except ValueError:
        return Outcome.REFUSED, f"{service!r:.60} is no id of a compute service"
    except NoAnswerError as error:
        return Outcome.UNKNOWN, str(error)
    except LateError:
        raise
    except DoctorError as error:  # no connection, or no token
        return Outcome.UNSENT, str(error)
    return judged(answer)


def _place(service: str) -> tuple[str, Span]:
    """Return where the service is deleted. The id tells the dialect. Raise ValueError."""
    numbered = _NUMBERED.fullmatch(service)
    if numbered:
        return f"os-services/{numbered[1]}", STATUS
    return f"os-services/{uuid.UUID(service)}", UPDATE


def judged(answer: Answer) -> tuple[Outcome, str]:
    """Judge an answer. A server error may come after the deed, a client error never."""
    words = f"Nova answered {answer.words()}"
    if answer.status == HTTPStatus.NO_CONTENT:
        return Outcome.ACCEPTED, "Nova answered that it is deleted"
    if answer.status == HTTPStatus.NOT_FOUND:
        return Outcome.ACCEPTED, f"it is not there: {words}"
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Outcome.UNKNOWN, words
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.REFUSED, words
    return Outcome.UNKNOWN, words
