"""Nova's actions on one server, of which the lab has one: evacuate.

Contract: tests/lab/nova_evacuations.py and tests/lab/nova_dialects.py. An evacuation that names no
host is here, in every dialect from 2.14 to 2.94; the others are answered 501: to take a host, to
be told what storage is shared, or to end stopped, is more than was looked at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from doctor_daemon.lab import schema
from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.evacuations import EVACUABLE, Evacuations
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.schema import TRUE, Refusal, Schema
from doctor_daemon.lab.servers import Servers

_MORE = {"host": schema.host, "adminPass": schema.text}
_BODY_2_1 = Schema({**_MORE, "onSharedStorage": schema.boolean}, required=("onSharedStorage",))
_BODY_2_14 = Schema(_MORE)
_BODY_2_29 = Schema({**_MORE, "force": schema.boolean})
_FORBIDDEN = "os_compute_api:os-evacuate"


@dataclass(frozen=True, slots=True)
class Actions:
    """What can be done to a server."""

    servers: Servers
    evacuations: Evacuations

    async def act(self, call: Call) -> None:
        """Evacuate. The answer is empty and says that it was taken on.

        Nova does not ask whether the server is being evacuated already.
        Contract: NovaContract.test_an_evacuation, test_evacuations_that_are_refused,
        test_wrong_evacuate_bodies, test_a_member_may_not_evacuate,
        test_a_second_post_is_accepted_and_both_are_lost.
        """
        asked = _read(call, await call.request.read())
        server = self.servers.find(call)
        call.require_admin(_FORBIDDEN)
        _check(asked)
        if server.vm_state not in EVACUABLE:
            raise Refusal(
                409,
                f"Cannot 'evacuate' instance {server.id} while it is in vm_state {server.vm_state}",
            )
        service = self.servers.world.hosts[server.host].service
        if self.servers.world.is_up(service):
            raise Refusal(400, f"Compute service of {server.host} is still in use.")
        self.evacuations.accept(server, call.token.user.name)


def _read(call: Call, raw: bytes) -> Json:
    """Read the body. Raises Refusal (400) for a wrong one, (501) for one not modelled.

    Contract: NovaContract.test_evacuate_bodies_by_microversion.
    """
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Malformed request body")
    if body.keys() != {"evacuate"}:
        raise Refusal(400, f"There is no such action: {next(iter(body), '')}")
    if call.version > (2, 94):
        raise Refusal(501, "the lab does not model evacuations after 2.94")
    return _schema(call.version).read(json.dumps(body["evacuate"]).encode())


def _check(asked: Json) -> None:
    """Raise Refusal (400) for what cannot be, (501) for what is not modelled."""
    if asked.get("force") in TRUE and "host" not in asked:
        raise Refusal(400, "Can't force to a non-provided destination")
    if asked.keys() & {*_MORE, "onSharedStorage"}:
        raise Refusal(501, "the lab does not model an evacuation with this said of it")


def _schema(version: Version) -> Schema:
    if version < (2, 14):
        return _BODY_2_1
    return _BODY_2_29 if (2, 29) <= version < (2, 68) else _BODY_2_14
