"""Sources that a reload changes: which of them go on, which begin anew, and when (D4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import web
from pydantic import BaseModel, ConfigDict
from structlog.testing import capture_logs

from doctor_daemon.api.sources import LATE_S, Sources, inspector_of
from doctor_daemon.config import AuthKind, Choice, Settings, SourceAuth, SourceChoice
from doctor_daemon.config.process import Log, Operators
from doctor_daemon.config.words import Address
from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import Gatekeeper, Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings
from tests.engine.rig import HOST, Rig
from tests.inspectors.rig import terms
from tests.simulation.virtual import run


class PortConfig(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: int = 0
    faulty: bool = False


class Port:
    """An inspector that holds something which only one can hold, and is slow to let go of it."""

    api: ClassVar[int] = 1
    served: ClassVar[bool] = False
    Config: ClassVar[type[PortConfig]] = PortConfig
    story: ClassVar[list[str]] = []
    freed: ClassVar[asyncio.Event] = asyncio.Event()

    def __init__(self, config: PortConfig, terms: SourceTerms) -> None:
        if config.number < 0:
            msg = "number: found less than 0"
            raise ConfigError(msg)
        self.name = terms.name
        self._config = config

    def place(self, around: Surroundings) -> None:
        if self._config.faulty and around.addresses:
            raise ValueError(self.name)

    async def run(self, intake: Intake) -> None:
        who = f"{self.name} {self._config.number}"
        self.story.append(f"{who} begins")
        try:
            await asyncio.Event().wait()
        finally:
            await self.freed.wait()
            self.story.append(f"{who} ends")

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        return ()


@pytest.fixture(autouse=True)
def _anew() -> None:
    Port.story.clear()
    Port.freed = asyncio.Event()


def source(name: str, **options: int) -> SourceChoice:
    return SourceChoice(
        name=name,
        kind="port",
        plugin=Port,
        config=PortConfig.model_validate(options),
        terms=terms(name),
        auth=SourceAuth(AuthKind.NOBODY),
    )


def settings(*sources: SourceChoice) -> Settings:
    plain = Choice(name="default", kind="none", plugin=Port, config=PortConfig())
    return Settings(
        file=Path("none"),
        mode=Mode.OBSERVE,
        policy=Policy(),
        plans={},
        aliases={},
        listen=Address("127.0.0.1", 0),
        metrics_listen=Address("127.0.0.1", 0),
        operators=Operators(),
        log=Log(),
        store=plain,
        cloud=plain,
        sources=sources,
        consumers=(),
        devices=(),
        secrets=(),
        warnings=(),
    )


def made(rig: Rig, first: Settings) -> Sources:
    return Sources(rig.engine(), first, [inspector_of(one) for one in first.sources])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - tasks that nobody else waits for
            await asyncio.sleep(0)


async def test_d4_another_one_begins_when_all_before_it_have_let_go() -> None:
    sources = made(Rig(), settings(source("a", number=1), source("b", number=1)))
    async with sources.open():
        await until(lambda: len(Port.story) == 2)
        for number in (2, 3):
            new = settings(source("a", number=number), source("b", number=1))
            (await sources.prepare(new))()
            await asyncio.sleep(0.01)
        assert Port.story == ["a 1 begins", "b 1 begins"], "a 1 still holds what a 3 needs"
        Port.freed.set()
        await until(lambda: "a 3 begins" in Port.story)
        assert Port.story[2:] == ["a 1 ends", "a 3 begins"]
    assert Port.story[4:] == ["a 3 ends", "b 1 ends"] or Port.story[4:] == ["b 1 ends", "a 3 ends"]


def test_d4_one_that_waits_long_for_that_says_so_once() -> None:
    async def main() -> None:
        sources = made(Rig(), settings(source("a", number=1)))
        async with sources.open():
            await asyncio.sleep(1)
            (await sources.prepare(settings(source("a", number=2))))()
            await asyncio.sleep(LATE_S - 1)
            assert heard(told) == []
            await asyncio.sleep(10 * LATE_S)
            assert heard(told) == ["warning"]
            Port.freed.set()
            await asyncio.sleep(1)
            assert heard(told) == ["warning", "info"]
            assert Port.story[1:] == ["a 1 ends", "a 2 begins"]

    with capture_logs() as told:
        run(main())


def heard(told: Sequence[Mapping[str, object]]) -> list[object]:
    return [one["log_level"] for one in told if one.get("source") == "a"]


async def test_d4_one_that_cannot_be_made_leaves_all_as_they_were() -> None:
    sources = made(Rig(), settings(source("a")))
    Port.freed.set()
    async with sources.open():
        with pytest.raises(ConfigError, match="sources: b: number: found less than 0"):
            await sources.prepare(settings(source("c"), source("b", number=-1)))
        await asyncio.sleep(0.01)
        assert Port.story == ["a 0 begins"]
        (await sources.prepare(settings(source("c"))))()
        await until(lambda: len(Port.story) == 3)
        assert sorted(Port.story[1:]) == ["a 0 ends", "c 0 begins"]


async def test_d4_a_plugin_that_fails_to_be_told_stops_no_other() -> None:
    rig = Rig()
    sources = made(rig, settings(source("a", faulty=True)))
    Port.freed.set()
    async with sources.open():
        new = replace(settings(source("a", faulty=True), source("b")), addresses=somewhere())
        (await sources.prepare(new))()
        await until(lambda: "b 0 begins" in Port.story)
    assert rig.metrics.registry.get_sample_value("doctor_internal_errors_total") == 1


def somewhere() -> dict[HostId, dict[str, str]]:
    return {HOST: {"mgmt": "192.0.2.1"}}
