"""Nova's os-services: list them, disable and enable them, force them down.

Contract: tests/lab/nova_contract.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass

from doctor_daemon.lab import schema
from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.evacuations import IN_PROGRESS, Evacuations
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.rows import Service
from doctor_daemon.lab.schema import FALSE, Refusal, Schema
from doctor_daemon.lab.world import World

COMPUTE = "nova-compute"
_OLD_FIELDS = {"host": schema.host, "binary": schema.text, "disabled_reason": schema.text}
_BODY_2_1 = Schema(_OLD_FIELDS, required=("host", "binary"))
_BODY_2_11 = Schema({**_OLD_FIELDS, "forced_down": schema.boolean}, required=("host", "binary"))
_BODY_2_53 = Schema(
    {
        "status": schema.status,
        "disabled_reason": schema.text,
        "forced_down": schema.boolean,
    }
)


@dataclass(frozen=True, slots=True)
class Services:
    """The rows of the services, as the API shows and changes them."""

    world: World
    evacuations: Evacuations
    rpc_timeout_s: float

    async def index(self, call: Call) -> Json:
        """List them, filtered by exact `host` and `binary`.

        Contract: NovaContract.test_service_rows_by_microversion, test_service_filters_are_exact
        and test_unknown_service_filters.
        """
        query = call.request.query
        if extra := sorted(query.keys() - {"host", "binary"}) if call.version >= (2, 75) else []:
            raise Refusal(
                400, f"Additional properties are not allowed ({extra[0]!r} was unexpected)"
            )
        call.require_admin("os_compute_api:os-services:list")
        host, binary = query.get("host"), query.get("binary")
        rows = [
            self._row(service, call.version)
            for service in self.world.services.values()
            if host in (None, "", service.host) and binary in (None, "", service.binary)
        ]
        return {"services": [row for row in rows if row is not None]}

    async def update(self, call: Call) -> Json:
        """Change one service; the words of the path are other ones before 2.53."""
        if call.version >= (2, 53):
            return await self._update_by_uuid(call)
        return await self._update_by_word(call)

    async def _update_by_uuid(self, call: Call) -> Json:
        """Change status, reason and forced_down in one write.

        Contract: NovaContract.test_one_put_forces_down_and_disables and the combinations after it.
        """
        body = _BODY_2_53.read(await call.request.read())
        service = self._named(call)
        if body.get("status") == "enabled" and body.get("disabled_reason"):
            raise Refusal(400, "Specifying 'disabled_reason' with status 'enabled' is invalid.")
        if "status" not in body and "forced_down" not in body:
            raise Refusal(
                400,
                "No updates were requested. Fields 'status' or 'forced_down' should be specified.",
            )
        self._require_clean(service, body)
        changed = self._store(service, body, call.token.user.name)
        await self._sync(service, body)
        row = self._row(service, call.version) or {}
        return {"service": row | ({"updated_at": self._exact(service)} if changed else {})}

    async def _update_by_word(self, call: Call) -> Json:
        """Change one thing of the service that the body names: the dialect of 2.1 to 2.52.

        Contract: NovaContract.test_the_older_dialect.
        """
        body = (_BODY_2_11 if call.version >= (2, 11) else _BODY_2_1).read(
            await call.request.read()
        )
        call.require_admin("os_compute_api:os-services:update")
        change = _change(call.request.match_info["id"], call.version, body)
        service = self._found(str(body["host"]), str(body["binary"]))
        self._require_clean(service, change)
        self._store(service, change, call.token.user.name)
        await self._sync(service, change)
        told = {name: value for name, value in change.items() if value is not None}
        return {"service": {"host": service.host, "binary": service.binary, **told}}

    async def delete(self, call: Call) -> None:
        """Forget one service, and its host with it. It comes back when its process starts anew.

        Nova leaves services in a cell that does not answer undeleted, with a 500.
        Contract: NovaContract.test_a_deleted_service_is_gone_until_it_starts_anew.
        """
        call.require_admin("os_compute_api:os-services:delete")
        named = call.request.match_info["id"]
        service = self._by_uuid(named) if call.version >= (2, 53) else self._by_number(named)
        host = self.world.hosts.get(service.host) if service else None
        if host and host.cell_down:
            raise Refusal(500, "Unexpected API Error.")
        if service is None:
            raise Refusal(404, f"Service {named} not found.")
        if service.binary == COMPUTE:
            self._require_vacant(service.host)
        self.world.delete_service(service)

    # -- inside ------------------------------------------------------------------------------

    def _row(self, service: Service, version: Version) -> Json | None:
        """Show one row. In a cell that does not answer it shrinks (2.69), or is left out (before).

        Source: nova/api/openstack/compute/services.py, `_get_service_detail`; no contract test: a
        cell of the real thing takes a minute to be found missing.
        """
        host = self.world.hosts.get(service.host)
        if host and host.cell_down:
            stub = {"binary": service.binary, "host": service.host, "status": "UNKNOWN"}
            return stub if version >= (2, 69) else None
        state = "up" if self.world.is_up(service) else "down"
        self.world.beat(service)
        row: Json = {
            "binary": service.binary,
            "host": service.host,
            "id": service.uuid if version >= (2, 53) else service.id,
            "zone": service.zone,
            "status": "disabled" if service.disabled else "enabled",
            "state": state,
            "updated_at": self.world.clock.second(service.written_at_s),
            "disabled_reason": service.disabled_reason,
        }
        return row | {"forced_down": service.forced_down} if version >= (2, 11) else row

    def _named(self, call: Call) -> Service:
        """Find the service of the path. Its UUID is compared without regard to case, as MySQL does.

        Contract: NovaContract.test_wrong_service_names.
        """
        named = call.request.match_info["id"]
        if not _is_uuid_like(named):
            raise Refusal(400, f"Invalid uuid {named}")
        call.require_admin("os_compute_api:os-services:update")
        service = self.world.services.get(named.lower())
        host = self.world.hosts.get(service.host) if service else None
        if service is None or (host and host.cell_down):
            raise Refusal(404, f"Service {named} could not be found.")
        _require_compute(service.binary)
        return service

    def _found(self, host: str, binary: str) -> Service:
        _require_compute(binary)
        if host not in self.world.hosts or self.world.hosts[host].service.deleted:
            raise Refusal(404, f"Host '{host}' is not mapped to any cell")
        return self.world.hosts[host].service

    def _by_uuid(self, named: str) -> Service | None:
        if not _is_uuid_like(named):
            raise Refusal(400, f"Invalid uuid {named}")
        return self.world.services.get(named.lower())

    def _by_number(self, named: str) -> Service | None:
        """Contract: NovaContract.test_a_wrong_id_deletes_nothing."""
        if not re.fullmatch("[0-9]+", named):
            raise Refusal(400, f"Invalid input received: {named} is not an integer")
        return next((one for one in self.world.services.values() if one.id == int(named)), None)

    def _require_vacant(self, host: str) -> None:
        """Refuse while anything is left, migrations that are `done` apart.

        Contract: NovaContract.test_a_host_with_servers_is_not_deleted and
        test_a_host_with_migrations_under_way_is_not_deleted.
        """
        there = (one for one in self.world.servers.values() if one.host == host)
        if any(one.deleted_at_s is None for one in there):
            raise Refusal(
                409,
                "Unable to delete compute service that is hosting instances. Migrate or delete "
                "the instances first.",
            )
        rows = (row for row in self.evacuations.rows if host in (row.source, row.dest))
        if any(row.status in IN_PROGRESS and not self.evacuations.gone(row) for row in rows):
            raise Refusal(
                409,
                "Unable to delete compute service that has in-progress migrations. Complete the "
                "migrations or delete the instances first.",
            )

    def _require_clean(self, service: Service, change: Json) -> None:
        """Refuse to force a host up from which servers were evacuated and that was not cleaned.

        Those that are under way do not matter to it, and nothing of a refused change is stored.
        Contract: NovaContract.test_the_source_after_an_evacuation,
        test_trap_7_evacuations_under_way_do_not_keep_the_flag and
        test_trap_8_a_refused_change_stores_nothing.
        """
        if change.get("forced_down") not in FALSE:
            return
        rows = self.evacuations.of(service.host)
        if any(one.status == "done" and not self.evacuations.gone(one) for one in rows):
            raise Refusal(
                400,
                f"Unable to force up host {service.host} as `done` evacuation migration records "
                "remain associated with the host. Ensure the compute service has been restarted, "
                "allowing these records to move to `completed` before retrying this request.",
            )

    def _store(self, service: Service, body: Json, by: str) -> bool:
        """Write the row, and tell whether it changed: an equal write does not move `updated_at`.

        Contract: NovaContract.test_an_equal_put_does_not_move_updated_at and
        test_trap_21_a_put_of_the_status_moves_updated_at_unless_equal.
        """
        before = (service.disabled, service.disabled_reason, service.forced_down)
        if "status" in body:
            service.disabled = body["status"] == "disabled"
            reason = body.get("disabled_reason") if service.disabled else None
            service.disabled_reason = None if reason is None else str(reason)
        if "forced_down" in body:
            down = body["forced_down"] not in FALSE
            self.world.force_down(service, forced_down=down, by=by)
        changed = before != (service.disabled, service.disabled_reason, service.forced_down)
        if changed:
            service.written_at_s = self.world.clock.now()
        return changed

    async def _sync(self, service: Service, body: Json) -> None:
        """Tell nova-compute that it is enabled or not, and wait for its answer.

        A host that died unnoticed does not answer: any PUT with a status in it, even an equal one,
        then takes the whole RPC time-out. One that forces down as well does not ask.
        Contract: NovaContract.test_a_status_put_blocks_on_a_just_died_host.
        """
        if "status" in body and self.world.is_up(service) and not service.alive:
            await asyncio.sleep(self.rpc_timeout_s)

    def _exact(self, service: Service) -> str:
        return self.world.clock.exact(service.written_at_s)


def _change(word: str, version: Version, body: Json) -> Json:
    """Translate a word of the older dialect into the fields it changes."""
    match word:
        case "enable":
            return {"status": "enabled"}
        case "disable":
            return {"status": "disabled"}
        case "disable-log-reason":
            if "disabled_reason" not in body:
                raise Refusal(400, "Missing disabled reason field")
            return {"status": "disabled", "disabled_reason": body["disabled_reason"]}
        case "force-down" if version >= (2, 11):
            if "forced_down" not in body:
                raise Refusal(400, "Missing forced_down field")
            return {"forced_down": body["forced_down"] not in FALSE}
    raise Refusal(404, "Unknown action")


def _require_compute(binary: str) -> None:
    if binary != COMPUTE:
        raise Refusal(
            400,
            f"Updating a {binary} service is not supported. "
            "Only nova-compute services can be updated.",
        )


def _is_uuid_like(named: str) -> bool:
    try:
        return str(uuid.UUID(named)).replace("-", "") == re.sub("-", "", named.lower())
    except ValueError:
        return False
