"""The control of a running lab: break things, look at the truth, ask for the judgement.

Plain HTTP on loopback and without a login: it is for tests, drills and demonstrations, and what it
controls is a simulation. What is done here by hand counts as the operator's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from aiohttp import web

from doctor_daemon.lab.bodies import Fields, Json, bad, body_of, choice, json_of, read_rule, texts
from doctor_daemon.lab.consumer import Consumer
from doctor_daemon.lab.evacuations import Evacuations
from doctor_daemon.lab.faults import Faults
from doctor_daemon.lab.identity import Identity, User
from doctor_daemon.lab.record import Violation, violations
from doctor_daemon.lab.rows import Aggregate, Host, Server
from doctor_daemon.lab.servers import STATUS
from doctor_daemon.lab.world import Failure, World

OPERATOR = "operator"
BODY_MAX = 1024 * 1024
SERVER_FIELDS: Fields = {
    "vm_state": str,
    "metadata": dict,
    "specs": dict,
    "volume": bool,
    "locked": bool,
}


@dataclass(frozen=True, slots=True)
class Control:
    """The HTTP face of a lab's truth."""

    evacuations: Evacuations
    identity: Identity
    faults: Faults
    consumer: Consumer
    members: Mapping[str, User]
    """Project name -> its user."""
    describe: Callable[[], Json]

    @property
    def world(self) -> World:
        return self.evacuations.world

    def violations(self) -> list[Violation]:
        """Judge what has happened so far; the operator's own force-downs are the operator's."""
        return violations(self.world.record.entries, frozenset({OPERATOR}))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_MAX)
        router = app.router
        router.add_get("/", self._describe)
        router.add_get("/hosts", self._hosts)
        router.add_get("/servers", self._servers)
        router.add_post("/servers", self._boot)
        router.add_post("/servers/{id}", self._server_state)
        router.add_delete("/servers/{id}", self._delete)
        router.add_get("/evacuations", self._evacuations)
        router.add_post("/timing", self._timing)
        router.add_get("/record", self._record)
        router.add_get("/violations", self._violations)
        router.add_get("/receipts", self._receipts)
        router.add_get("/faults", self._faults)
        router.add_post("/faults", self._add_faults)
        router.add_delete("/faults", self._clear_faults)
        router.add_post("/tokens/revoke", self._revoke)
        router.add_post("/hosts/{host}/fail", self._fail)
        router.add_post("/hosts/{host}/recover", self._recover)
        router.add_post("/hosts/{host}/power", self._power)
        router.add_post("/hosts/{host}/service", self._service)
        router.add_post("/hosts/{host}/aggregates", self._aggregate)
        return app

    # -- the truth ---------------------------------------------------------------------------

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response(self.describe())

    async def _hosts(self, _request: web.Request) -> web.Response:
        return web.json_response([self._host(host) for host in self.world.hosts.values()])

    async def _servers(self, _request: web.Request) -> web.Response:
        return web.json_response([self._server(server) for server in self.world.servers.values()])

    async def _evacuations(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(row) for row in self.evacuations.rows])

    async def _record(self, request: web.Request) -> web.Response:
        """Show the record from entry `since` on."""
        since = request.query.get("since", "0")
        if not since.isdecimal():
            raise bad(f"since is {since!r}, expected a number of entries")
        entries = self.world.record.entries[int(since) :]
        return web.json_response([asdict(entry) for entry in entries])

    async def _violations(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(found) for found in self.violations()])

    async def _receipts(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(receipt) for receipt in self.consumer.receipts])

    def _host(self, host: Host) -> Json:
        service = host.service
        return {
            "name": host.name,
            "power": "on" if host.power else "off",
            "answers": host.answers,
            "compute": service.alive,
            "forced_down": service.forced_down,
            "disabled_reason": service.disabled_reason,
            "state": "up" if self.world.is_up(service) else "down",
            "guests": len(host.guests),
        }

    def _server(self, server: Server) -> Json:
        return {
            "id": server.id,
            "name": server.name,
            "project_id": server.project_id,
            "host": server.host,
            "vm_state": server.vm_state,
            "task_state": server.task_state,
            "runs_on": self.world.runs_on(server.id),
        }

    # -- what is done to it ------------------------------------------------------------------

    async def _fail(self, request: web.Request) -> web.Response:
        """Let a host fail. Body: `{"how": "compute" | "host"}`."""
        body = await body_of(request, {"how": str})
        how = choice(Failure, "how", body.get("how", "host"))
        self.world.fail(self._named(request), how)
        return _done()

    async def _recover(self, request: web.Request) -> web.Response:
        self.world.recover(self._named(request))
        return _done()

    async def _power(self, request: web.Request) -> web.Response:
        """Cut or give power behind the BMC's back. Body: `{"power": "on" | "off"}`."""
        power = (await body_of(request, {"power": str})).get("power")
        if power not in ("on", "off"):
            raise bad(f"power is {power!r}, expected on or off")
        change = self.world.power_on if power == "on" else self.world.power_off
        change(self._named(request))
        return _done()

    async def _service(self, request: web.Request) -> web.Response:
        """Act as an operator does on the host's service, or as a broken cloud does.

        Body: any of `forced_down`, `disabled`, `cell_down` (booleans), `replaced` (true: another
        UUID) and `spawn_error` (why no guest starts there; empty: one does).
        """
        switches = ("forced_down", "disabled", "cell_down", "replaced")
        body = await body_of(request, {**dict.fromkeys(switches, bool), "spawn_error": str})
        host = self.world.hosts[self._named(request)]
        if body.get("replaced"):
            self.world.replace_service(host.name)
        if "forced_down" in body:
            down = bool(body["forced_down"])
            self.world.force_down(host.service, forced_down=down, by=OPERATOR)
        host.service.disabled = bool(body.get("disabled", host.service.disabled))
        host.cell_down = bool(body.get("cell_down", host.cell_down))
        host.spawn_error = str(body.get("spawn_error", host.spawn_error))
        return _done()

    async def _timing(self, request: web.Request) -> web.Response:
        """Let things take another time from now on. Body: any fields of Timing, in seconds."""
        known: Fields = dict.fromkeys(asdict(self.world.timing), (int, float))
        body = await body_of(request, known)
        for name, seconds in body.items():
            if seconds < 0:
                raise bad(f"{name} is {seconds}, expected at least 0")
        self.world.timing = replace(self.world.timing, **body)
        return _done()

    async def _boot(self, request: web.Request) -> web.Response:
        """Boot a server. Body: `{"host": ..., "project": ...}`, both names."""
        body = await body_of(request, {"host": str, "project": str})
        user = self.members.get(str(body.get("project")))
        if user is None:
            raise bad(f"project is {body.get('project')!r}, expected one of {[*self.members]}")
        host = self.world.hosts.get(str(body.get("host")))
        if host is None or not host.power:
            raise bad(f"host is {body.get('host')!r}, expected a host that has power")
        server = self.world.boot(host.name, user.project.id, user.id)
        return web.json_response(self._server(server), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        self.world.delete(self._server_id(request))
        return _done()

    async def _server_state(self, request: web.Request) -> web.Response:
        """Bring a server to a state, or change what is written on it.

        Body: any of `vm_state`, one of Nova's; `metadata` and `specs` (its flavor's), objects of
        texts; `volume` and `locked`, booleans.
        """
        body = await body_of(request, SERVER_FIELDS)
        known = [*(STATUS.keys() - {"deleted"})]
        if not body or body.get("vm_state", known[0]) not in known:
            raise bad(f"vm_state is {body.get('vm_state')!r}, expected one of {sorted(known)}")
        server = self.world.servers[self._server_id(request)]
        server.metadata = texts("metadata", body.get("metadata", server.metadata))
        server.specs = texts("specs", body.get("specs", server.specs))
        server.volume = bool(body.get("volume", server.volume))
        server.locked = bool(body.get("locked", server.locked))
        if "vm_state" in body:
            self.world.set_state(server.id, str(body["vm_state"]))
        return _done()

    async def _aggregate(self, request: web.Request) -> web.Response:
        """Put a host into one more aggregate. Body: `{"metadata": {...}}`, of texts."""
        body = await body_of(request, {"metadata": dict})
        name, metadata = self._named(request), texts("metadata", body.get("metadata", {}))
        number = len(self.world.aggregates) + 1
        self.world.aggregates.append(Aggregate(f"tagged-{number}", [name], metadata))
        return _done()

    async def _revoke(self, _request: web.Request) -> web.Response:
        self.identity.revoke_all()
        return _done()

    # -- faults ------------------------------------------------------------------------------

    async def _faults(self, _request: web.Request) -> web.Response:
        """Show what is left of the script, and what was applied of it."""
        faults = self.faults
        return web.json_response(
            {
                "pending": [asdict(rule) for rule in faults.pending()],
                "applied": [asdict(applied) for applied in faults.applied],
            }
        )

    async def _add_faults(self, request: web.Request) -> web.Response:
        """Append rules. Body: a list of objects with the fields of Rule."""
        rules = await json_of(request)
        if not isinstance(rules, list):
            raise bad("the body is not a list of rules")
        self.faults.add(*[read_rule(rule) for rule in rules])
        return _done()

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return _done()

    def _server_id(self, request: web.Request) -> str:
        named = request.match_info["id"]
        if named not in self.world.servers:
            raise web.HTTPNotFound(text=f"no server has the id {named!r}")
        return named

    def _named(self, request: web.Request) -> str:
        name = request.match_info["host"]
        if name not in self.world.hosts:
            raise web.HTTPNotFound(text=f"no host is named {name!r}")
        return name


def _done() -> web.Response:
    return web.Response(status=204)
