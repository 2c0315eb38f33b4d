"""Evidence that contradicts: shown and counted, and nothing is cut while it stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.views import explained
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, incident_of
from tests.simulation.virtual import run

SAYS = "contradicting evidence: ping (ping-storage) has seen it alive, and "


def life(rig: Rig, verdict: Verdict = Verdict.UP) -> Evidence:
    return replace(rig.evidence(verdict), source="ping", kind="ping-storage", fingerprint="ping")


def test_a1_what_contradicts_is_shown_and_counted_and_holds_the_cut() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            await engine.desk.submit([life(rig)])
            for _ in range(7):
                incident = incident_of(engine)
                if incident.phase is Phase.HELD:
                    break
                shown = explained(HOST, incident, engine.ward)
                assert shown["incident"]["contradicted"].startswith(SAYS)
                assert shown["gates"]["cut"]["contradiction"].startswith(SAYS)
                engine._gauges()  # noqa: SLF001 - as a scrape does
                assert metric(rig, "doctor_contradicted") == 1
                await asyncio.sleep(20)
                await engine.desk.submit([rig.evidence(), life(rig)])
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "contradiction"
            assert rig.device.cuts == 0
            assert metric(rig, "doctor_contradictions_total", source="ping") == 1

    run(main())


def test_a9_a_service_that_is_down_alone_is_told_and_counted_and_kept_over_a_restart() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            nova = replace(rig.evidence(), source="nova", kind="nova")
            await engine.desk.submit([nova])
            await engine.desk.submit([life(rig)])
            await asyncio.sleep(20)
            assert incident_of(engine).service_since is not None
            engine._gauges()  # noqa: SLF001 - as a scrape does
            assert metric(rig, "doctor_service_down") == 1
            kinds = [row.kind for _, row in rig.consumer.heard]
            assert list(dict.fromkeys(kinds)) == ["suspected", "withdrawn", "service"]
        async with rig.running() as engine:
            await asyncio.sleep(20)
            assert incident_of(engine).service_since is not None
            assert len([row for _, row in rig.consumer.heard if row.kind == "service"]) == len(
                [kind for kind in kinds if kind == "service"]
            )
            back = replace(rig.evidence(Verdict.UP), source="nova", kind="nova")
            await engine.desk.submit([back])
            await asyncio.sleep(1)
            assert HOST not in engine.desk.cases
        assert rig.device.cuts == 0

    run(main())


def metric(rig: Rig, name: str, **labels: str) -> float | None:
    return rig.metrics.registry.get_sample_value(name, labels)
