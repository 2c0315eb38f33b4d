"""The canary of a drill: booted, looked at, and deleted again, whatever becomes of the drill."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass

from doctor_daemon.cli.drill.clouds import Clouds
from doctor_daemon.cli.drill.refusals import PREFIX, metadata
from doctor_daemon.cli.drill.report import Report, Stopped
from doctor_daemon.config.drill import Drill
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, Temporary
from doctor_daemon.ports.canaries import Canary, Seen

EVERY_S = 0.5
FIND_S = 20.0
"""How long a server is looked for whose request was not answered."""
DELETE_S = 60.0
DELETE_TRIES = 3
SINCE_S = 300.0
"""How far back the list of changes goes, by which such a server is found."""


@dataclass(slots=True)
class Bird:
    """One canary, by its requests to Nova. What is known of it stands in the report."""

    clouds: Clouds
    drill: Drill
    report: Report

    async def boot(self) -> None:
        """Have it booted, and wait until it runs. Raise Stopped, or a DoctorError."""
        canary = self.report.canary
        canary.name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
        canary.left = True
        self.report.say(f"  the canary is {canary.name}")
        id_ = await self._asked_for()
        canary.id = id_
        self.report.say(f"  its id is {id_}")
        await self.runs(time.monotonic() + self.drill.boot_timeout_s, self.report.host)

    async def runs(self, until_s: float, host: str) -> None:
        """Wait until it runs on a host. Raise Stopped where it will not, or does not in time."""
        canary = self.report.canary
        said = ""
        while True:
            seen = await self._look()
            if seen is None:
                msg = f"somebody has deleted the canary {canary.id}"
                raise Stopped(msg)
            canary.is_on = seen.host
            status = seen.server.status
            if status == "ERROR":
                msg = f"the canary is in ERROR: {seen.server.fault or 'Nova does not say why'}"
                raise Stopped(msg)
            if status == "ACTIVE" and seen.host == host and not seen.server.task_state:
                return
            if status != said:
                said = status
                self.report.say(f"  the canary is {status}")
            if time.monotonic() > until_s:
                where = seen.host or "no host"
                msg = f"the canary does not run on {host} in time: it is {status} on {where}"
                raise Stopped(msg)
            await asyncio.sleep(EVERY_S)

    async def delete(self) -> None:
        """Delete it, and see that it is gone. Raise Stopped where that is not seen."""
        canary, said = self.report.canary, ""
        until_s = time.monotonic() + DELETE_S
        for _ in range(DELETE_TRIES):
            outcome, said = await self.clouds.canaries.delete(
                ServerId(canary.id), self.clouds.permit()
            )
            self.report.say(f"  deleting {canary.id}: {outcome}, {said}")
            if outcome is Outcome.REFUSED:
                break
            if await self._gone(until_s, patient=outcome is Outcome.ACCEPTED):
                canary.left = False
                self.report.say("  the canary is gone")
                return
        msg = f"the canary {canary.name} ({canary.id}) is still there: {said}"
        raise Stopped(msg)

    async def find(self) -> ServerId | None:
        """Look for it by its name, among what has changed lately."""
        since_s = time.time() - SINCE_S
        changed = await self.clouds.controller.changed_servers(since_s)
        named = [one.id for one, _ in changed if one.name == self.report.canary.name]
        return named[-1] if named else None

    async def _asked_for(self) -> ServerId:
        drill, report = self.drill, self.report
        wanted = Canary(
            name=report.canary.name,
            host=report.host,
            image=drill.image,
            flavor=drill.flavor,
            network=drill.network,
            metadata=metadata(report.host),
        )
        booting = await self.clouds.canaries.boot(wanted, self.clouds.permit())
        if booting.id is not None:
            return booting.id
        if booting.outcome is not Outcome.UNKNOWN:
            report.canary.left = False
            msg = f"the canary was not booted: {booting.text}"
            raise Stopped(msg)
        report.say(f"  whether it is booted is not known: {booting.text}; looking for it")
        until_s = time.monotonic() + FIND_S
        while time.monotonic() < until_s:
            found = await self.find()
            if found is not None:
                return found
            await asyncio.sleep(EVERY_S)
        msg = f"whether the canary is booted is not known: {booting.text}"
        raise Stopped(msg)

    async def _look(self) -> Seen | None:
        """Look at it; what Nova cannot answer now it may answer later."""
        for _ in range(DELETE_TRIES):
            try:
                return await self.clouds.canaries.show(ServerId(self.report.canary.id))
            except Temporary as error:
                self.report.say(f"  Nova does not show the canary: {error}")
                await asyncio.sleep(EVERY_S)
        return await self.clouds.canaries.show(ServerId(self.report.canary.id))

    async def _gone(self, until_s: float, *, patient: bool) -> bool:
        """Wait until Nova says that it is not there; without patience, look once."""
        while True:
            try:
                if await self._look() is None:
                    return True
            except DoctorError as error:
                self.report.say(f"  Nova does not show the canary: {error}")
            if not patient or time.monotonic() > until_s:
                return False
            await asyncio.sleep(EVERY_S)
