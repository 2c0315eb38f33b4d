"""The stories that are told: of what is seen to beside incidents, and of words to the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Mode, Reserve, Scope, Selection
from doctor_daemon.core.log_levels import LevelWish, LogScope
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.selection import EVACUABLE
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volumes import Target, VolumeAct, Wish
from doctor_daemon.engine.change import evidence_row
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.records import EngineRecords
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.engine.windows import EngineWindows
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import NoticeRow, Wanted
from doctor_daemon.ports.replays import Spent
from doctor_daemon.ports.states import StatesWanted
from tests.crash_points.place import Place
from tests.crash_points.stories import FIRST, PATIENCE_S, WHY, Story, arm, dies, order, returns
from tests.crash_points.succession import Word
from tests.crash_points.waits import Stuck, comes, perhaps, until
from tests.crash_points.world import POLICY, World
from tests.engine.instruments import HOST, OTHER
from tests.engine.volumes import BenchCinder

NAME = f"{HOST.name}@ceph"
SPARE = "cmp-8"
QUIET = replace(POLICY, grace_s=600.0)
"""Nothing more happens to a host that is suspected."""
HOUR_S, TRIES = 3700.0, 3


# its storage


def _with_storage(policy: VolumePolicy) -> World:
    world = World(mode=Mode.FENCE, volumes=policy)
    world.cinder = BenchCinder(world.clock)
    return world


def _dying_storage() -> World:
    return _with_storage(VolumePolicy(acts=True, by_thaw=True))


async def storage(place: Place) -> None:
    """A cinder-volume dies with its host, is disabled, and enabled by a freeze and a thaw."""
    cinder = place.world.cinder
    assert cinder is not None
    row = cinder.add(NAME)
    await arm(place)
    await place.accuse(HOST)
    cinder.volumes.kill(NAME)
    await until(lambda: row.disabled, "its storage is disabled")
    await place.stands(HOST, Phase.DOWN)
    cinder.volumes.start(NAME)
    await until(lambda: not row.disabled and not row.frozen, "its storage is enabled")
    await returns(place)


class Desk:
    """Orders about Cinder, beside each daemon that leads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.orders: dict[Engine, VolumeOrders] = {}
        place.accompany(self._beside)

    async def _beside(self, engine: Engine) -> None:
        self.orders[engine] = VolumeOrders(engine, engine.ward.tools.storage)
        self.orders[engine].resume()

    def _of(self, engine: Engine) -> VolumeOrders:
        if engine not in self.orders:
            raise Temporary("it is not known yet what was ordered before")
        return self.orders[engine]

    async def look(self) -> None:
        """Ask for Cinder's services."""

        async def word(engine: Engine) -> None:
            await self._of(engine).services()

        await self._place.tell(word)

    async def give(self, wish: Wish | LevelWish) -> None:
        """Give an order."""

        async def word(engine: Engine) -> None:
            orders = self._of(engine)
            try:
                await orders.give(wish, "ann", WHY)
            except Permanent as error:
                raise Temporary(str(error)) from None  # another one is under way: later

        await self._place.tell(word)

    async def achieve(self, wish: Wish, so: Callable[[], bool]) -> None:
        """Give an order, and again where nothing has come of it. Raise Stuck."""
        for _ in range(TRIES):
            await self.give(wish)
            await perhaps(so, PATIENCE_S)
            if so():
                return
        raise Stuck(f"nothing comes of the order to {wish.act}")


async def ordered_storage(place: Place) -> None:
    """An operator orders about Cinder's services, until it is as he wants it."""
    cinder, desk = place.world.cinder, Desk(place)
    assert cinder is not None
    row, target = cinder.add("stores@ceph", "there"), Target("stores@ceph")
    await arm(place)
    disable = Wish(VolumeAct.DISABLE, target, reason=WHY)
    await desk.achieve(disable, lambda: row.disabled)
    cinder.older = True
    await desk.achieve(Wish(VolumeAct.ENABLE, target), lambda: not row.disabled)
    await desk.achieve(Wish(VolumeAct.FREEZE, target), lambda: row.frozen)
    await desk.achieve(Wish(VolumeAct.THAW, target), lambda: not row.frozen)
    failover = Wish(VolumeAct.FAILOVER, target, to="there")
    await desk.achieve(failover, lambda: row.backend == "there")
    await desk.give(LevelWish(LogScope(), "DEBUG"))
    await desk.look()


# a host in reserve


def _reserved() -> World:
    world = World(reserve=Reserve((SPARE,)), selection=Selection(Scope.TAGGED, shared_storage=True))
    world.nova.aggregated[HOST.name] = ({EVACUABLE: "yes"},)
    world.nova.zones = dict.fromkeys((HOST.name, OTHER.name, SPARE), "az-1")
    world.nova.disabled = {SPARE: "reserved"}
    return world


async def reserve(place: Place) -> None:
    """A host in reserve is lent while another is down, and given back."""
    nova = place.world.nova
    await dies(place)
    await until(lambda: SPARE not in nova.disabled, "the reserve is lent")
    await returns(place)
    await until(lambda: SPARE in nova.disabled, "the reserve is given back")


# notices


async def letters(place: Place) -> None:
    """A consumer fails, then is gone, and is told later what was given up."""
    consumer, tries = place.world.consumers["vnfm"], list[str]()

    def trouble(row: NoticeRow) -> Exception | None:
        tries.append(row.id)
        return Temporary("503") if len(tries) == 1 else Permanent("410")

    async def dead() -> bool:
        return bool(await place.disk.notices(Wanted("dead"), 10))

    consumer.trouble = trouble
    await place.accuse(HOST)
    await comes(dead, "a notice is given up")
    consumer.trouble = None
    await place.tell(lambda engine: Operators(engine).replay_all("vnfm"))
    await until(lambda: bool(consumer.heard), "it is told late")
    place.accused.discard(HOST)
    await place.tell(order(HOST, Order.DISMISS))
    await place.stands(HOST, Phase.DISMISSED)


# switches, windows and questions


async def switches(place: Place) -> None:
    """Operators and sources say what belongs to no incident, and ask."""
    await arm(place)
    await place.tell(lambda e: Operators(e).maintain(OTHER, "ann", WHY, 3600.0))
    await place.tell(lambda e: Operators(e).end_maintenance(OTHER, "ann"))
    await place.tell(lambda e: EngineWindows(e).begin(OTHER, "am", WHY, 3600.0))
    await place.tell(lambda e: EngineWindows(e).end(OTHER, "am"))
    await place.tell(lambda e: e.masskeeper.release(2, "ann", WHY, 600.0))
    await place.say(OTHER, Verdict.WITHDRAWN)
    await place.tell(_noted(place))
    await place.tell(_spent(place))
    await place.tell(lambda e: Operators(e).server_states(StatesWanted(host=HOST)))
    await place.tell(lambda e: Operators(e).explain(HOST))
    await place.tell(lambda e: Operators(e).audit(0, 10))
    await place.tell(lambda e: EngineRecords(e).said("am"))
    await place.accuse(HOST)
    place.accused.discard(HOST)
    await place.tell(order(HOST, Order.DISMISS))
    await place.stands(HOST, Phase.DISMISSED)
    await place.tell(lambda e: Operators(e).explain(HOST))
    await place.tell(lambda e: Operators(e).disarm("ann", WHY))


def _noted(place: Place) -> Word:
    def word(engine: Engine) -> Awaitable[Any]:
        return EngineRecords(engine).note(evidence_row(place.evidence(OTHER), None))

    return word


def _spent(place: Place) -> Word:
    def word(engine: Engine) -> Awaitable[Any]:
        request = Spent("am", "n1", int(place.world.clock.now().wall_s))
        return engine.desk.replays.spend(request, 60.0)

    return word


# what is told of hosts that nobody accuses


async def upkeep(place: Place) -> None:
    """Somebody disables a host in Nova, and enables it: consumers are told."""
    nova, consumer = place.world.nova, place.world.consumers["vnfm"]
    nova.disabled[OTHER.name] = "new memory"
    await until(lambda: "maintenance" in consumer.kinds(), "its maintenance is told")
    del nova.disabled[OTHER.name]
    await until(lambda: consumer.kinds().count("maintenance") > 1, "its end is told")


async def hour(place: Place) -> None:
    """What is old is dropped from the store, once an hour."""
    await arm(place)
    await asyncio.sleep(HOUR_S)


# a word to one that stands by


async def words(place: Place) -> None:
    """The daemon is disarmed by a word to another one, which stands by."""
    place.start()
    await arm(place)

    def shown() -> bool:
        return place.newest.leads or place.newest.engine.standby.known

    await until(shown, "it shows what is saved")
    at = place.newest.number
    await place.tell(lambda engine: Operators(engine).disarm("ann", WHY), at=at)
    await comes(_disarmed(place), "it is disarmed")


def _disarmed(place: Place) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        cluster = place.cluster
        heeded = cluster is None or cluster.word is None
        return heeded and not (await place.disk.load()).armed.on

    return so


STORIES = {
    story.name: story
    for story in (
        *FIRST,
        Story("storage", _dying_storage, storage),
        Story("orders", lambda: _with_storage(VolumePolicy()), ordered_storage),
        Story("reserve", _reserved, reserve),
        Story("letters", lambda: World(policy=QUIET), letters),
        Story("switches", lambda: World(policy=QUIET), switches),
        Story("upkeep", World, upkeep),
        Story("hour", World, hour, only=("Store.prune",)),
        Story("words", World, words, alone=False),
    )
}
