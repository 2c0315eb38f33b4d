"""Nova's actions on one server, of which the lab has one: evacuate.

Contract: tests/lab/nova_evacuations.py. Only the dialect of 2.68 to 2.94 and an empty body are
here; the others are answered 501: to take a host, or to end stopped, is more than was looked at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from doctor_daemon.lab.call import Call
from doctor_daemon.lab.evacuations import EVACUABLE, Evacuations
from doctor_daemon.lab.schema import Refusal, Schema
from doctor_daemon.lab.servers import Servers

_NOTHING = Schema({})
_MORE = {"host", "adminPass"}
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
        _check(call, await call.request.read())
        server = self.servers.find(call)
        call.require_admin(_FORBIDDEN)
        if server.vm_state not in EVACUABLE:
            raise Refusal(
                409,
                f"Cannot 'evacuate' instance {server.id} while it is in vm_state {server.vm_state}",
            )
        service = self.servers.world.hosts[server.host].service
        if self.servers.world.is_up(service):
            raise Refusal(400, f"Compute service of {server.host} is still in use.")
        self.evacuations.accept(server, call.token.user.name)


def _check(call: Call, raw: bytes) -> None:
    """Read the body. Raises Refusal (400) for a wrong one, (501) for one not modelled."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Malformed request body")
    if body.keys() != {"evacuate"}:
        raise Refusal(400, f"There is no such action: {next(iter(body), '')}")
    if not (2, 68) <= call.version <= (2, 94):
        raise Refusal(501, "the lab does not model evacuations before 2.68 and after 2.94")
    asked = body["evacuate"]
    if isinstance(asked, dict) and asked.keys() & _MORE:
        raise Refusal(501, "the lab does not model an evacuation to a host, or with a password")
    _NOTHING.read(json.dumps(asked).encode())
