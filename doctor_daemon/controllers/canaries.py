"""Single servers, made and deleted for a drill: how they are asked for, and how that was answered.

Source: Nova API reference, "Create Server" and "Delete Server". The host is named, which takes the
role admin: by `host` from 2.74 on; before, behind a colon in the availability zone, where no zone
is named, because a server that was made in one may never leave it. Both go by the scheduler, which
refuses a host that is disabled or full by a server in ERROR, not by a status.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from http import HTTPStatus

from doctor_daemon.controllers import deletions
from doctor_daemon.controllers.compute import Compute, RefusedError
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.microversions import CREATE, HOST_NAMED, SERVERS, STATUS, Version
from doctor_daemon.controllers.rows import decode, optional
from doctor_daemon.controllers.servers import GONE, HOST, server_of
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, LateError, Permanent
from doctor_daemon.ports import Permit
from doctor_daemon.ports.canaries import Booting, Canary, Seen

PATH = "servers"


class NovaCanaries:
    """Makes and deletes servers by one Nova, for the project of its account."""

    def __init__(self, compute: Compute) -> None:
        """Talk to this Nova."""
        self._compute = compute

    async def boot(self, canary: Canary, permit: Permit) -> Booting:
        """Ask once. What is offered is asked first: it decides how the host is named."""
        try:
            version = await self._compute.version(CREATE)
            body = {"server": asked_for(canary, version)}
            answer = await self._compute.post(PATH, body, CREATE, permit)
        except NoAnswerError as error:
            return Booting(Outcome.UNKNOWN, str(error))
        except LateError:
            raise
        except DoctorError as error:  # no connection, no token, or no such microversion
            return Booting(Outcome.UNSENT, str(error))
        return judged(answer)

    async def show(self, id_: ServerId) -> Seen | None:
        try:
            path = f"{PATH}/{uuid.UUID(id_)}"
            return (await self._compute.get(path, {}, SERVERS, read_server)).value
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def delete(self, id_: ServerId, permit: Permit) -> tuple[Outcome, str]:
        """Ask once. It is answered as the deletion of a service is."""
        try:
            path = f"{PATH}/{uuid.UUID(id_)}"
            answer = await self._compute.delete(path, STATUS, permit)
        except NoAnswerError as error:
            return Outcome.UNKNOWN, str(error)
        except LateError:
            raise
        except DoctorError as error:  # no connection, or no token
            return Outcome.UNSENT, str(error)
        return deletions.judged(answer)


def asked_for(canary: Canary, version: Version) -> Mapping[str, object]:
    """Return what to ask for, as a microversion has it."""
    network = canary.network
    listed: object = network if network in ("none", "auto") else [{"uuid": network}]
    where = {"host": canary.host}
    if version < HOST_NAMED:
        where = {"availability_zone": f":{canary.host}"}
    return {
        "name": canary.name,
        "imageRef": canary.image,
        "flavorRef": canary.flavor,
        "networks": listed,
        "metadata": dict(canary.metadata),
        **where,
    }


def judged(answer: Answer) -> Booting:
    """Judge an answer to the POST. A server error may come after the deed, a client error never.

    A good answer holds the server's password too: nothing of it is shown but the id.
    """
    words = f"Nova answered {answer.words()}"
    if answer.status == HTTPStatus.ACCEPTED:
        id_ = _id(answer.body)
        text = f"Nova has accepted it ({answer.request_id()})"
        return Booting(Outcome.ACCEPTED if id_ else Outcome.UNKNOWN, text, id_)
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Booting(Outcome.UNKNOWN, words)
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Booting(Outcome.REFUSED, words)
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Booting(Outcome.UNKNOWN, f"Nova answered {answer.status}, expected 202")
    return Booting(Outcome.UNKNOWN, words)


def _id(body: bytes) -> ServerId | None:
    try:
        return ServerId(str(uuid.UUID(json.loads(body)["server"]["id"])))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def read_server(body: bytes) -> Seen | None:
    """Read one server; None: it was deleted, be it to be kept for a while."""
    row = decode(body).get("server")
    if not isinstance(row, dict):
        msg = "Nova's answer has no object 'server'"
        raise Permanent(msg)
    server = server_of(row)
    return None if server.status in GONE else Seen(server, optional(row, HOST))
