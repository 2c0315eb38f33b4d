"""State in memory, with the semantics of a disk: for simulations, trials and tests.

The object itself is the disk. It outlives the daemon that uses it, a new one may open it for the
next term, and nothing is encoded, awaited or timed, so that it costs a simulation next to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.core.audit import Page
from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, EvidenceRow, Heading, NoticeRow, Snapshot, Wanted
from doctor_daemon.stores.chain import Chain
from doctor_daemon.stores.contents import Contents, Keeping


class MemoryConfig(BaseModel):
    """Options of the store that forgets everything when the daemon ends."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    keep_days: int = Field(default=400, ge=1, le=36_500)
    """How long closed incidents are kept, with their timeline and what consumers were told."""
    closed_max: int = Field(default=10_000, ge=1)
    """Above this number the oldest closed incidents are dropped early."""


class MemoryStore:
    """`ports.Store` in memory."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[MemoryConfig]] = MemoryConfig

    def __init__(self, config: MemoryConfig | None = None) -> None:
        """Begin empty."""
        options = config or MemoryConfig()
        self._keeping = Keeping(options.keep_days, options.closed_max)
        self._term = 0
        self._contents = Contents()
        self._chain = Chain()

    async def open(self) -> int:
        self._term += 1
        return self._term

    async def close(self) -> None:
        """Keep everything: the next to open finds it."""

    async def load(self) -> Snapshot:
        return self._contents.snapshot()

    async def find(self, id_: IncidentId) -> Incident | None:
        return self._contents.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return self._contents.headings(host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return self._contents.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return self._contents.letters.wanted(wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return self._contents.letters.given_up()

    async def commit(self, change: Change, *, term: int) -> None:
        self._check_term(term)
        self._contents.check(change)
        self._contents.put(change)
        self._chain.add(change.audit)

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        self._check_term(term)
        self._contents.replace_charges(charges)

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        self._check_term(term)
        self._contents.letters.note(self._contents.letters.delivered(batch))

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        self._check_term(term)
        again, late = self._contents.letters.replayed(ids)
        self._contents.letters.note(again)
        return late

    async def audit(self, after: int, limit: int) -> Page:
        return self._chain.page(after, limit)

    async def prune(self, *, term: int) -> None:
        self._check_term(term)
        self._contents.prune(self._keeping)
        self._chain.drop(self._contents.audit_from_s(self._keeping))

    def _check_term(self, term: int) -> None:
        if term != self._term:
            raise Conflict(f"term {term} is over: term {self._term} has been claimed")
