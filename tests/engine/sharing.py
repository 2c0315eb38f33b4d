"""A disk that several daemons share, of whom one leads: for the bench, in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.context import Charge
from doctor_daemon.errors import Conflict, LateError, Temporary
from doctor_daemon.ports.leading import Forbidden, Role, Standing
from doctor_daemon.stores.chain import Chain
from doctor_daemon.stores.contents import Contents
from tests.engine.rig import Rig, SlowDisk


@dataclass
class Cluster:
    """What is shared: the contents, the term, and who leads."""

    contents: Contents = field(default_factory=Contents)
    chain: Chain = field(default_factory=Chain)
    """Of the audit."""
    term: int = 0
    leader: SharedDisk | None = None
    word: Forbidden | None = None
    said: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def lead(self, who: SharedDisk | None) -> None:
        """Have another lead, or nobody."""
        self.leader = who
        self.changed.set()
        self.changed = asyncio.Event()


class SharedDisk(SlowDisk):
    """One daemon's way to what is shared, and its `ports.leading.Leadership`."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        super().__init__()
        self.cluster, self.name = cluster, name
        self._contents, self._chain = cluster.contents, cluster.chain
        self.ready: tuple[str, ...] = ()
        self.lasts_s = math.inf
        self.unheard = False
        """The store cannot be asked whether we lead."""
        self.asked = 0
        self.unwilling = False
        """What the budget has used cannot be saved."""

    @property
    def leadership(self) -> SharedDisk:
        return self

    @property
    def words(self) -> SharedDisk:
        return self

    async def open(self) -> int:
        while self.cluster.leader is not None:
            await self.cluster.changed.wait()
        self.cluster.term += 1
        self._term = self.cluster.term
        self.cluster.lead(self)
        return self._term

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        if self.unwilling:
            raise Temporary("etcd does not answer")
        await super().replace_charges(charges, term=term)

    def _check_term(self, term: int) -> None:
        if self.cluster.leader is not self or term != self.cluster.term:
            raise Conflict(f"{self.name} does not lead")

    async def close(self) -> None:
        await self.release()

    # leadership

    def standing(self) -> Standing:
        leader = self.cluster.leader
        role = Role.LEADING if leader is self else Role.OVER if self._term else Role.STANDING_BY
        if role is Role.LEADING and self.lasts_s <= 0:
            role = Role.UNSURE
        text = "etcd has not answered" if role is Role.UNSURE else ""
        return Standing(role, self.name, leader.name if leader else "", self.ready, text)

    def left_s(self) -> float:
        return self.lasts_s if self.cluster.leader is self else 0.0

    async def confirm(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.unheard or self.cluster.leader is not self or self.cluster.word is not None:
            raise LateError(f"nothing was sent: {self.name} does not lead")

    async def forbid(self, by: str, why: str) -> None:
        if self.unheard:
            raise Temporary("etcd does not answer")
        self.cluster.said += 1
        self.cluster.word = Forbidden(by, why, str(self.cluster.said))
        self.cluster.lead(self.cluster.leader)

    async def forbidden(self) -> Forbidden:
        while self.cluster.word is None:
            await self.cluster.changed.wait()
        return self.cluster.word

    async def heeded(self, word: Forbidden) -> None:
        if self.cluster.word == word:
            self.cluster.word = None

    async def over(self) -> str:
        while self._term == 0 or self.cluster.leader is self:
            await self.cluster.changed.wait()
        return "another leads"

    async def release(self) -> None:
        if self.cluster.leader is self:
            self.cluster.lead(None)


def two(first: Rig) -> tuple[Cluster, Rig, Rig]:
    """Return two benches before one cloud.

    Their clock is one, for what devices say is timed by it: let it reboot where another takes over.
    """
    cluster = Cluster()
    first.disk = SharedDisk(cluster, "ctl-1")
    second = Rig(policy=first.policy, mode=first.mode, clock=first.clock)
    second.disk = SharedDisk(cluster, "ctl-2")
    second.nova, second.devices = first.nova, first.devices
    second.consumer, second.second = first.consumer, first.second
    return cluster, first, second
