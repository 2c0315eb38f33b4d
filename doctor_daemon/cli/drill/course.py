"""The course of a drill, step by step, and what is done where it cannot go on.

Until the order to fence is given nothing has happened to the host, and the canary is deleted
whatever happens. From then on the incident is the daemon's, and an operator's: a drill that cannot
go on leaves all as it is, and says how it stands and what to do.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.cli.drill.canary import Bird
from doctor_daemon.cli.drill.clouds import Clouds
from doctor_daemon.cli.drill.daemon import EVERY_S, Daemon
from doctor_daemon.cli.drill.refusals import check_cloud, check_daemon, check_empty
from doctor_daemon.cli.drill.report import FAILED, INTERRUPTED, PASSED, REFUSED, Report
from doctor_daemon.cli.drill.report import Stopped as Stop
from doctor_daemon.cli.drill.way_back import WayBack
from doctor_daemon.cli.show import OVER
from doctor_daemon.config.drill import Drill
from doctor_daemon.core.host import HostPlan
from doctor_daemon.core.selection import kept, stays
from doctor_daemon.errors import DoctorError

CHECK = "check"
"""The step in which nothing has begun."""
KNOWN_S = 60.0
"""How long the daemon may take to see a server that is new."""


@dataclass(slots=True)
class Course:
    """One drill of one host."""

    drill: Drill
    plan: HostPlan
    clouds: Clouds
    daemon: Daemon
    report: Report
    why: str
    stays_disabled: bool = False
    """Whether the policy leaves a host disabled that came back."""
    ordered: bool = False
    """Whether the host may have been told of as dead: from here on the canary is the daemon's."""

    @property
    def bird(self) -> Bird:
        """Return what looks after the canary."""
        return Bird(self.clouds, self.drill, self.report)

    async def run(self) -> None:
        """Run it to its end. Raise Stop, Unanswered or a DoctorError where it cannot go on."""
        await self.check()
        self.report.begin("boot", f"a canary on {self.report.host}")
        await self.bird.boot()
        self.report.canary.was_on = self.report.host
        await self._known()
        last = await check_daemon(self.daemon, self.plan.host)
        await self._check_canary()
        self.report.begin("fence", f"ordering the daemon to fence {self.report.host}")
        await self._fence(last)
        self.report.begin("move", "until the daemon has the host down, and the canary elsewhere")
        await self._move()
        self.report.begin("power-on", f"having {self.report.host} switched on")
        until_s = time.monotonic() + self.drill.return_timeout_s
        way_back = WayBack(self.plan, self.clouds, self.daemon, self.why)
        await way_back.switch_on(until_s)
        self.report.begin("release", f"giving {self.report.host} back to Nova")
        await way_back.release(until_s)
        self.report.begin("back", "until Nova has it in use")
        await way_back.back(stays_disabled=self.stays_disabled)
        self.report.begin("delete", "the canary")
        await self.bird.delete()
        self.report.end_step()
        self.report.end(PASSED)

    async def check(self) -> None:
        """See that it may begin. Raise Declined and others."""
        self.report.begin(CHECK, f"whether {self.report.host} may be drilled now")
        await check_daemon(self.daemon, self.plan.host)
        await check_cloud(self.clouds, self.plan.host)

    async def _check_canary(self) -> None:
        """See once more that it is alone, just before the power is cut; and that it would move.

        Nothing is waited for after this: each second is one in which a server may come.
        """
        server = await check_empty(self.clouds, self.plan.host, self.report.canary.id)
        if server is None:
            msg = "Nova does not list the canary on its host"
            raise Stop(msg)
        why = stays(kept(server, None, self.plan.selection), self.plan.selection)
        if why:
            msg = f"the canary would not be moved: {why}"
            raise Stop(msg)

    async def _known(self) -> None:
        """Wait until the daemon knows of the canary: then its first notice can name it."""
        until_s = time.monotonic() + KNOWN_S
        while (await self.daemon.explain())["servers"] == 0:
            if time.monotonic() > until_s:
                self.report.note("the daemon had not seen the canary yet when its host was fenced")
                return
            await asyncio.sleep(EVERY_S)

    async def _fence(self, last: str) -> None:
        self.ordered = True
        try:
            incident = await self.daemon.order("fence", self.why)
        except Unanswered as error:
            # An order whose answer was lost may have been followed.
            found = (await self.daemon.explain())["incident"]
            if not found or found["id"] == last:
                msg = f"the order to fence was not taken: {error}"
                raise Stop(msg) from None
            incident = found
        self.report.incident = incident["id"]
        self.report.say(f"  incident {incident['id']}")

    async def _move(self) -> None:
        """Follow the incident until the host is down, and see the canary run elsewhere."""
        until_s = time.monotonic() + self.drill.move_timeout_s
        canary = self.report.canary
        incident = await self.daemon.until(until_s, lambda one: one["phase"] == "down")
        records = {one["server"]: one for one in incident["evacuations"]}
        record = records.get(canary.id)
        if record is None:
            msg = "the host is down, and the daemon has not had the canary evacuated"
            raise Stop(msg)
        if record["stage"] != "moved":
            msg = f"the canary was not moved, it is {record['stage']}: {record['why']}"
            raise Stop(msg)
        if not record["to"] or record["to"] == self.report.host:
            msg = "the daemon does not say where the canary has moved to"
            raise Stop(msg)
        await self.bird.runs(until_s, record["to"])
        self.report.say(f"  the canary runs on {canary.is_on}")

    # the end

    def stopped(self, error: BaseException) -> None:
        """Say at once that it cannot go on, and what is there; the canary is seen to afterwards."""
        expected = isinstance(error, Stop | Unanswered | DoctorError)
        if expected and self.report.step == CHECK:
            self.report.end(REFUSED, str(error))
            return
        if isinstance(error, asyncio.CancelledError):
            self.report.end(INTERRUPTED, "it was told to stop")
        elif expected:
            self.report.end(FAILED, str(error))
        else:
            self.report.end(FAILED, f"internal error: {type(error).__name__}")
        if self.ordered:
            host = self.report.host
            self.report.note(
                f"{host} is left as it is: `doctor-daemon explain {host}` says how it stands and "
                f"what it needs; `power-on` and `release` bring it back"
            )

    async def tidy(self) -> None:
        """Delete the canary, unless an incident of its host is open; say so where it is left."""
        canary = self.report.canary
        if not canary.left:
            return
        where = f"{canary.name} ({canary.id or 'id not known'})"
        by_hand = f"the canary {where} is left, delete it with `openstack server delete`"
        try:
            if self.ordered and not await self._over():
                self.report.note(f"{by_hand}, once {self.report.host} is back")
                return
            if not canary.id:
                canary.id = await self.bird.find() or ""
            if not canary.id:
                self.report.note(f"{by_hand} by its name, should it still appear")
                return
            await self.bird.delete()
        except (Stop, DoctorError) as error:
            self.report.note(f"{by_hand}: {error}")
        except BaseException:
            self.report.note(by_hand)
            raise

    async def _over(self) -> bool:
        """Tell whether the daemon has no open incident of the host."""
        try:
            incident = (await self.daemon.explain())["incident"]
        except Unanswered:
            return False
        self.report.entries = incident["timeline"] if incident else self.report.entries
        return incident is None or incident["phase"] in OVER
