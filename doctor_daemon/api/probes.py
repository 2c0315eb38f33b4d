"""The operators' API to the probes of power devices: how they ended, and one more, now.

A probe may take longer than a caller waits for an answer, so it is asked for and then looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from aiohttp import web

from doctor_daemon.api.bodies import read_body, shown, wrong
from doctor_daemon.core.host import HostPlan
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.probe_views import probed_hosts
from doctor_daemon.ports.refusal import Refusal

PATH = "/v1/probes"


@dataclass(frozen=True, slots=True)
class ProbesApi:
    """Serves the probes of an engine."""

    engine: Engine

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is to be served beside the other orders."""
        return [web.get(PATH, self._show), web.post(PATH, self._probe)]

    async def _show(self, request: web.Request) -> web.Response:
        found = probed_hosts(
            self._plans(request.query.get("host")),
            self.engine.readiness,
            self.engine.ward.tools.clock.now(),
        )
        return web.json_response(found)

    async def _probe(self, request: web.Request) -> web.Response:
        name = (await read_body(request, "host")).get("host")
        if name is not None and not isinstance(name, str):
            raise wrong("host", name, "a host of the configuration, or its alias")
        plans = self._plans(name)
        count = self.engine.readiness.ask(plan.host for plan in plans)
        return web.json_response({"devices": count})

    def _plans(self, name: str | None) -> Sequence[HostPlan]:
        """Return the hosts that are meant: one, or all that have a device."""
        plans = self.engine.ward.rules.plans
        if name is None:
            return [plans[host] for host in sorted(plans) if plans[host].levels]
        host = self.engine.desk.host(name)
        if host is None or host not in plans:
            near = get_close_matches(name, [known.name for known in plans], 1)
            meant = f"perhaps {near[0]}" if near else "a host of the configuration, or its alias"
            text = f"{shown(name)} is not in the configuration"
            raise Refusal(404, "unknown_host", text, field="host", expected=meant)
        return [plans[host]]
