"""One effect on the bench, for an incident that is made by hand: no case drives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident, Rounds
from doctor_daemon.core.messages import Cut, Effect, Evacuate, ForceDown, Observation
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Enable, Lift, Release, Step, Switching, SwitchOn
from doctor_daemon.core.retirement import Course, DeleteService, Retirement
from doctor_daemon.core.tries import DeviceTry, Try
from doctor_daemon.engine.perform import Standing, perform
from doctor_daemon.engine.ward import Ward
from tests.core.make import ARMED, at, identity, incident, power_proof, sighting
from tests.engine.instruments import UUID
from tests.engine.rig import Rig, SlowDisk, server
from tests.engine.test_right import Seat
from tests.engine.test_ward import Still

OFF = Armed(on=False, by="ben", why="wrong rack")
SERVER = server(1, "red")
PROVEN = incident(
    phase=Phase.FORCING_DOWN,
    proof=power_proof(digest="digest"),
    sighting=sighting(0, forced_down=True),
)
NAMED = DeviceTry(identity=identity(UUID))
POSTING = Evacuation(SERVER, Stage.POSTING, at(0), attempt=1)
BACK = replace(incident(phase=Phase.RELEASING), release=Release(number=1, inspected_at=at(0)))

CUT = Cut(1, 1, "bmc")
PUT = ForceDown(1, "s-cmp-1", disable=True)
POST = Evacuate(SERVER.id, 1)
SWITCH = SwitchOn(1, 1, "bmc", UUID)
LIFT, ENABLE, DELETE = Lift(1, "s-cmp-1"), Enable(1, "s-cmp-1"), DeleteService(1, "s-cmp-1")

WANTED: Mapping[Effect, Incident] = {
    CUT: incident(
        phase=Phase.FENCING,
        fencing=Try(1, 1, 1, "digest", at(0), go_at=at(0), devices={"bmc": NAMED}),
        sighting=sighting(0),
    ),
    PUT: PROVEN,
    POST: replace(
        PROVEN,
        phase=Phase.EVACUATING,
        evacuations={SERVER.id: POSTING},
        rounds=Rounds(inspected_at=at(0), told_at=at(0)),
    ),
    SWITCH: replace(BACK, release=replace(BACK.release, switching=Switching(1, at(0)))),
    LIFT: replace(BACK, release=replace(BACK.release, step=Step.LIFTING)),
    ENABLE: replace(BACK, release=replace(BACK.release, step=Step.ENABLING)),
    DELETE: replace(
        PROVEN,
        phase=Phase.DOWN,
        retirement=Retirement("ann", "sold", at(0), at(0), step=Course.DELETING),
    ),
}
EACH = pytest.mark.parametrize("effect", WANTED, ids=lambda effect: type(effect).__name__)
PASSED = incident(phase=Phase.DISMISSED)
"""By it nothing is wanted any more."""


class Shared(SlowDisk):
    """A store that several daemons share."""

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self.leadership = seat


@dataclass
class Bench:
    """A rig, whose clock stands still; `seat`: several daemons share its store."""

    rig: Rig
    seat: Seat | None
    told: list[Observation] = field(default_factory=list)

    def ward(self, armed: Armed = ARMED) -> Ward:
        ward = self.rig.engine().ward
        ward.armed = armed
        ward.standpoint.told({})
        return ward

    async def done(
        self,
        effect: Effect,
        ward: Ward,
        saved: Incident | None = None,
        since: Incident | None = None,
    ) -> Observation:
        """Carry an effect out, for the incident as it was saved, and as it was decided since."""
        saved = saved or WANTED[effect]
        standing = Standing(saved, since or saved)
        return await perform(effect, lambda: standing, ward, self.told.append)

    @property
    def sent(self) -> int:
        """How much has been sent that changes the world."""
        nova, device = self.rig.nova, self.rig.device
        posts = len(nova.puts) + len(nova.lifts) + len(nova.enabled) + len(nova.rebuilds.posts)
        return posts + device.cuts + device.switches + len(nova.leaving.gone)


def bench(*, shared: bool = False) -> Bench:
    clock = Still()
    clock.at = at(0)
    seat = Seat(clock) if shared else None
    disk = Shared(seat) if seat else SlowDisk()
    return Bench(Rig(clock=clock, disk=disk, mode=Mode.EVACUATE), seat)
