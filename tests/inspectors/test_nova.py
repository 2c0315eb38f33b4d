"""Nova's lists of services: which of them accuse a host, and when the trouble is Nova's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.core.incident import Sighting
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.nova import NovaServices
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from doctor_daemon.ports import Fleet
from doctor_daemon.ports.surroundings import Concern
from tests.controllers.rigs import SMALL, FastClock, nova, rule
from tests.engine.rig import HOST, OTHER
from tests.inspectors.looking import Scene, configured, told
from tests.inspectors.rig import Ledger, terms

NOVA_S = 5_000.0
"""Nova's clock at the beginning, which is nothing like ours."""


class Stage:
    """A source, and a Nova of three hosts whose lists are ten seconds apart."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - options
        config = configured(NovaServices.Config, Path(), **options)
        self.ledger, self.scene = Ledger(), Scene()
        self.source = NovaServices(config, terms("nova"))
        self.source.place(self.scene.around())
        self.now_s = NOVA_S
        self.dated = True
        self.silent: set[str] = set()
        self.services = {name: self._sighting(name) for name in ("cmp-1", "cmp-2", "cmp-3")}

    def _sighting(self, name: str) -> Sighting:
        asked_at = self.ledger.now()
        return Sighting(
            uuid=f"uuid-{name}",
            state="up",
            status="enabled",
            forced_down=False,
            reason="",
            updated_s=self.now_s,
            asked_at=asked_at,
        )

    async def look(self, times: int = 1) -> str:
        """Let ten seconds pass and look, again and again; return the last trouble."""
        trouble = ""
        for _ in range(times):
            self.ledger.clock.move(10)
            self.now_s += 10
            trouble = ""
            for name, one in self.services.items():
                updated_s = one.updated_s if name in self.silent else self.now_s - 3
                seen = replace(one, asked_at=self.ledger.now(), updated_s=updated_s)
                self.services[name] = seen
            asked_s = self.now_s if self.dated else None
            self.source.show(Fleet(dict(self.services), asked_there_s=asked_s))
            try:
                await self.source.look(self.ledger)
            except Temporary as error:
                trouble = str(error)
        return trouble

    def change(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Sighting
        self.services[name] = replace(self.services[name], **changes)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)


async def test_a_service_that_nova_calls_down_accuses_its_host() -> None:
    stage = Stage(stale_s=600)
    await stage.look(2)
    stage.silent.add("cmp-1")
    await stage.look(3)
    assert stage.told == []
    stage.change("cmp-1", state="down")
    assert await stage.look() == ""
    assert stage.told == [("cmp-1", "nova", "down")]
    stage.silent.clear()
    await stage.look()
    assert stage.told[1:] == [("cmp-1", "nova", "up")]


async def test_an_old_report_accuses_before_nova_does() -> None:
    stage = Stage()
    await stage.look(2)
    stage.silent.add("cmp-1")
    await stage.look(4)
    assert stage.told == []
    await stage.look(2)
    assert stage.told == [("cmp-1", "nova", "down")]
    assert "by Nova's clock" in stage.ledger.taken[0].summary


async def test_i13_without_novas_clock_no_report_is_old() -> None:
    stage = Stage()
    stage.dated = False
    await stage.look(2)
    stage.silent.add("cmp-1")
    await stage.look(100)
    assert stage.told == []


async def test_a11_our_own_wall_clock_does_not_matter() -> None:
    stage = Stage()
    await stage.look(2)
    stage.ledger.clock.at = replace(stage.ledger.clock.at, wall_s=0.0)
    await stage.look(2)
    stage.ledger.clock.at = replace(stage.ledger.clock.at, wall_s=9e9)
    await stage.look(2)
    assert stage.told == []


async def test_a_host_whose_clock_is_wrong_looks_down_and_reports_in() -> None:
    stage = Stage()
    stage.change("cmp-1", state="down")
    await stage.look(50)
    assert stage.told == []


async def test_a1_when_nobody_reports_in_it_is_novas_trouble() -> None:
    """RabbitMQ is gone: after a minute every service is down."""
    stage = Stage()
    await stage.look(2)
    stage.silent |= set(stage.services)
    await stage.look(6)
    for name in stage.services:
        stage.change(name, state="down")
    trouble = await stage.look(20)
    assert "that is Nova's trouble, and says nothing of hosts" in trouble
    assert stage.told == []


async def test_a1_a_write_of_somebody_is_no_sign_that_nova_works() -> None:
    stage = Stage()
    await stage.look(2)
    stage.silent |= set(stage.services)
    await stage.look(6)
    stage.change("cmp-3", status="disabled", reason="by hand", updated_s=stage.now_s + 9)
    for name in stage.services:
        stage.change(name, state="down")
    await stage.look(20)
    assert stage.told == []


async def test_c4_what_is_forced_down_says_nothing() -> None:
    stage = Stage()
    await stage.look(2)
    stage.silent.add("cmp-1")
    stage.change("cmp-1", forced_down=True, state="down")
    await stage.look(30)
    assert stage.told == []
    stage.change("cmp-1", forced_down=False)
    await stage.look()
    assert stage.told == []  # the list before it was still of a host that was forced down
    await stage.look()
    assert stage.told == [("cmp-1", "nova", "down")]


async def test_what_a_list_does_not_show_is_not_known() -> None:
    stage = Stage()
    await stage.look(2)
    gone = stage.services.pop("cmp-1")
    await stage.look(30)
    assert stage.told == []
    stage.services["cmp-1"] = replace(gone, state="down")
    stage.silent.add("cmp-1")
    await stage.look()
    assert stage.told == []  # one list is not two
    await stage.look()
    assert stage.told == [("cmp-1", "nova", "down")]


async def test_a_write_of_somebody_is_no_report() -> None:
    stage = Stage()
    await stage.look(2)
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    stage.silent.add("cmp-1")
    stage.change("cmp-1", reason="by hand", status="disabled", updated_s=stage.now_s + 9)
    await stage.look()
    assert stage.told == []


async def test_a_report_is_a_sign_of_life_while_somebody_waits_for_one() -> None:
    stage = Stage()
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look(3)
    assert stage.told == [("cmp-1", "nova", "up")] * 2
    plain = Stage(alive=False)
    plain.scene.concerns[HOST] = Concern.SUSPECTED
    await plain.look(3)
    assert plain.told == [("cmp-1", "nova", "withdrawn")]


async def test_a7_the_last_report_before_a_death_is_no_sign_of_life_after_it() -> None:
    """Who is called down between two lists is shown by the second as it was before the death."""
    stage = Stage()
    await stage.look(2)
    stage.ledger.clock.move(4)
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    stage.scene.opened_at[HOST] = stage.ledger.now()
    await stage.look()
    assert stage.told == []
    await stage.look()
    assert stage.told == [("cmp-1", "nova", "up")]


async def test_what_the_source_itself_called_down_is_alive_with_the_next_report() -> None:
    stage = Stage(stale_s=600)
    await stage.look(2)
    stage.silent.add("cmp-1")
    await stage.look(2)
    stage.change("cmp-1", state="down")
    await stage.look()
    stage.ledger.clock.move(1)
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    stage.scene.opened_at[HOST] = stage.ledger.now()
    stage.silent.clear()
    await stage.look()
    assert stage.told == [("cmp-1", "nova", "down"), ("cmp-1", "nova", "up")]


async def test_a13_hosts_that_are_not_configured_are_nobody() -> None:
    stage = Stage()
    await stage.look(2)
    stage.silent.add("cmp-3")
    stage.change("cmp-3", state="down")
    await stage.look(3)
    assert stage.told == []


def test_a_report_is_not_old_before_three_have_failed() -> None:
    with pytest.raises(ValidationError, match="expected at least 3 x report_interval_s"):
        configured(NovaServices.Config, Path(), report_interval_s=30.0)


async def test_it_runs_by_itself() -> None:
    stage = Stage()
    stage.scene.concerns[OTHER] = Concern.SUSPECTED
    await stage.look()
    task = asyncio.create_task(stage.source.run(stage.ledger))
    for number in (1, 2):
        await asyncio.sleep(0.1)
        stage.change("cmp-2", updated_s=stage.now_s + number)
        stage.source.show(Fleet(dict(stage.services)))
    await asyncio.sleep(0.1)
    task.cancel()
    assert stage.told == [("cmp-2", "nova", "up")]
    assert stage.scene.looked


@pytest.mark.parametrize("late_s", [0.0, 2.0])
async def test_the_age_is_taken_by_the_clock_of_novas_answer(late_s: float) -> None:
    """However long the answer took: what is in it was read at its beginning."""
    async with Lab(SMALL) as cloud, nova(cloud) as adapter:
        await adapter.fleet()
        clock = FastClock()
        before_s = clock.now().wall_s
        cloud.faults.add(rule(Do.SLOW, seconds=late_s))
        fleet = await adapter.fleet()
    assert fleet.asked_there_s is not None
    assert -1.1 <= fleet.asked_there_s - before_s <= 0.5
