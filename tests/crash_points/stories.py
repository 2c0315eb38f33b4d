"""The stories that are told: of incidents, from a host's death to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from doctor_daemon.core.host import Device, HostId, Level, Mode, WayBack
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortPolicy, PortStage, PortTask
from doctor_daemon.core.proof import Identity
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Permit
from tests.crash_points.place import Place
from tests.crash_points.succession import Word
from tests.crash_points.waits import comes, until
from tests.crash_points.world import World
from tests.engine.instruments import HOST, OTHER, UUID, ScriptedDevice
from tests.engine.neutron import BenchNeutron
from tests.engine.own_side import ScriptedOwnSide
from tests.simulation.virtual import VirtualClock

WHY = "as the story has it"
PATIENCE_S = 90.0
"""How long somebody waits for what may not come."""
UNDONE = ("not ended: ", "not decommissioned: ")
"""How a timeline says that nothing has come of an order: whoever gave it gives it again."""


@dataclass(frozen=True)
class Story:
    """One story: its world, what happens in it, and among how many daemons it is told."""

    name: str
    world: Callable[[], World]
    tell: Callable[[Place], Awaitable[None]]
    alone: bool = True
    """Whether it is told with a daemon that has its store for itself."""
    shared: bool = True
    """Whether it is told with several that share one."""
    only: tuple[str, ...] = ()
    """Where it is struck, if not at every boundary: others are struck in another story."""


def order(host: HostId, what: Order, for_s: float = 0.0) -> Word:
    """Return the word of an operator about an incident."""
    return lambda engine: Operators(engine).order(host, what, "ann", WHY, for_s)


async def arm(place: Place) -> None:
    """Let the daemon cut power."""
    await place.tell(lambda engine: Operators(engine).arm("ann", WHY))


async def ordered(place: Place, what: Order) -> None:
    """Give an order, and again where nothing has come of it, until the incident is over."""
    await place.tell(order(HOST, what))
    given = 0

    async def so() -> bool:
        nonlocal given
        if await place.is_in(HOST, Phase.RESOLVED):
            return True
        lines = (await place.incident(HOST)).timeline
        undone = sum(line.text.startswith(UNDONE) for line in lines)
        if undone > given:
            given = undone
            with suppress(Permanent):  # it was given again already, and is being followed
                await place.tell(order(HOST, what))
        return False

    await comes(so, f"{what} to be followed")


async def dies(place: Place) -> None:
    """Let the host fail, and wait until it is down."""
    await arm(place)
    await place.accuse(HOST)
    await place.stands(HOST, Phase.DOWN)


async def returns(place: Place) -> None:
    """Repair the host, and have it released."""
    place.accused.discard(HOST)
    place.world.repair(HOST)
    await ordered(place, Order.RELEASE)


# a host dies, its servers are moved, and it is given back


async def failure(place: Place) -> None:
    """A host is cut, proven off, forced down, emptied, repaired and released by an operator."""
    await dies(place)
    await returns(place)


# the first level fails, and an operator orders and disarms


class Refusing(ScriptedDevice):
    """A power device that refuses every cut."""

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        permit.check(self.clock.now())
        self.cuts += 1
        return Outcome.REFUSED, "403"


class Forgotten(ScriptedDevice):
    """A power device that is found by a name, and does not answer at first."""

    def __init__(self, name: str, clock: VirtualClock) -> None:
        super().__init__(name, clock)
        self.silent = 1

    async def identify(self) -> Identity:
        if self.silent:
            self.silent -= 1
            raise Temporary("no answer")
        return await super().identify()

    async def lost(self) -> str:
        """Say that its name leads somewhere."""
        return ""


def _two_levels() -> World:
    devices = (Device("bmc", "redfish", UUID), Device("pdu", "redfish", UUID))
    world = World(
        mode=Mode.FENCE,
        levels=tuple(Level((device,)) for device in devices),
        kinds={"bmc": Refusing, "pdu": Forgotten},
    )
    world.own = ScriptedOwnSide(world.clock)
    return world


async def levels(place: Place) -> None:
    """An operator has a host fenced; its BMC refuses, its PDU cuts; he clears the flag."""
    await arm(place)
    await place.tell(lambda engine: Operators(engine).disarm("ann", WHY))
    await arm(place)
    await place.accuse(HOST)  # nobody's order of before another boot counts, and a monitor's word
    with suppress(Permanent):  # it was cut off from its power without an order by then
        await place.tell(order(HOST, Order.FENCE))
    await place.stands(HOST, Phase.DOWN)
    place.accused.discard(HOST)
    place.world.nova.down.clear()
    await ordered(place, Order.CLOSE)


# nobody but a human can tell


async def by_hand(place: Place) -> None:
    """No device can cut the host: somebody pulls its plug, and says so."""
    await arm(place)
    await place.accuse(HOST)
    await place.stands(HOST, Phase.HELD)
    place.world.pulled.add(HOST)
    confirmed_in: list[str] = []

    async def so() -> bool:
        era = place.newest.era
        if era not in confirmed_in and await place.is_in(HOST, Phase.HELD):
            await place.tell(order(HOST, Order.CONFIRM_OFF, 3000.0))
            confirmed_in.append(era)  # nobody's word of before another boot counts
        return await place.is_in(HOST, Phase.DOWN)

    await comes(so, "it is down")
    await returns(place)


# the way back by itself


async def way_back(place: Place) -> None:
    """The host is switched on and given back by the policy, without an order."""
    await dies(place)
    device = place.world.devices[f"{HOST}/bmc"]

    async def so() -> bool:
        return device.on or await place.is_in(HOST, Phase.HELD)

    await comes(so, "the power to be switched on")
    if not device.on and place.judge.owed["switch_on", HOST]:
        await returns(place)  # whether it was sent is not known: a human is asked
        return
    place.accused.discard(HOST)
    place.world.nova.start(HOST.name)
    await place.stands(HOST, Phase.RESOLVED)


# for good


async def retired(place: Place) -> None:
    """The host is taken out of the cloud."""
    await dies(place)
    place.accused.discard(HOST)
    await ordered(place, Order.DECOMMISSION)


# its ports

UNPROVEN = ("is of another boot", "is not proven off any more")
"""What is told of the ports of a host that was proven off by a daemon of before."""


def _with_ports() -> World:
    world = World(mode=Mode.FENCE, ports=PortPolicy(marks=True))
    world.nova.there[OTHER.name] = ()
    world.neutron = BenchNeutron(world.clock, world.nova)
    return world


async def ports(place: Place) -> None:
    """Neutron says DOWN of the host's ports until it is back, or it is told why it does not."""
    neutron = place.world.neutron
    assert neutron is not None
    await dies(place)

    def task() -> PortTask | None:
        return place.newest.engine.ward.stock.ports.get(HOST)

    def seen_to() -> bool:
        one = task()
        return one is not None and one.stage in (PortStage.MARKED, PortStage.DONE)

    await until(seen_to, "its ports are seen to")
    seen = task()
    unproven = seen is not None and any(why in line.text for line in seen.story for why in UNPROVEN)
    if not unproven and len(neutron.is_down()) < place.world.servers:
        place.judge.wrong("L-1: its ports are not down, and nothing says why")
    await returns(place)
    await until(lambda: not neutron.is_down(), "its ports are clear")


# its machine is started again in mid-cut


async def reboot(place: Place) -> None:
    """The daemon's own machine dies as it has cut the power, and is started again."""
    await arm(place)
    await place.accuse(HOST)
    await until(lambda: place.world.off(HOST), "the power is cut")
    await place.reboot()
    await place.stands(HOST, Phase.DOWN)
    await returns(place)


FIRST = (
    Story("failure", World, failure),
    Story("levels", _two_levels, levels),
    Story("by-hand", lambda: World(levels=()), by_hand),
    Story("way-back", lambda: World(way_back=WayBack(automatic=True, power_on=True)), way_back),
    Story("retired", World, retired),
    Story("ports", _with_ports, ports),
    Story("reboot", World, reboot, shared=False),
)
