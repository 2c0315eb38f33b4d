"""What is measured is what is shipped: no proof is weaker in a benchmark, and no pace faster."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.configuration import Configuration, Wishes
from benchmarks.daemon import NICE
from benchmarks.plan import BUDGET, FORCED_TIMING, FULL, MASS, PROJECTS, cells
from benchmarks.results import EARLY_WANTED_S
from doctor_daemon.config import Settings, load
from doctor_daemon.core.host import Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.lab.cloud import Lab, LabOptions

_RAISED: dict[str, Any] = {f"budget_{name}": number for name, number in BUDGET.items()}
_RAISED |= {f"mass_{name}": number for name, number in MASS.items()}
SHIPPED = replace(Policy(), warm_up_s=0.0, **_RAISED)
HOOKS = "http://127.0.0.1:9"


async def settings(folder: Path, wishes: Wishes) -> Settings:
    """What the daemon makes of the file that the benchmark writes."""
    async with Lab(LabOptions(hosts=1, projects=5, folder=folder)) as lab:
        return load(Configuration(folder, lab.describe(), HOOKS, wishes).path)


@pytest.mark.parametrize(
    ("mode", "timing", "expected"),
    [
        ("fence", {}, SHIPPED),
        ("fence", FORCED_TIMING, replace(SHIPPED, grace_s=0.0)),
        ("evacuate", FORCED_TIMING, replace(SHIPPED, grace_s=0.0)),
    ],
    ids=["early", "forced", "evacuation"],
)
async def test_only_the_grace_and_the_budget_differ_from_what_is_shipped(
    mode: str, timing: Mapping[str, float], expected: Policy, tmp_path: Path
) -> None:
    found = await settings(tmp_path, Wishes(mode=mode, timing=timing))
    assert found.policy == expected
    assert found.mode is Mode[mode.upper()]


async def test_the_proof_is_the_one_that_is_shipped(tmp_path: Path) -> None:
    found = await settings(tmp_path, Wishes(timing=FORCED_TIMING))
    assert found.policy.rule == Policy().rule
    assert (found.policy.off_reads, found.policy.off_hold_s) == (3, 2.0)
    assert all(
        device.hold_s == 0
        for plan in found.plans.values()
        for level in plan.levels
        for device in level.devices
    )


@pytest.mark.parametrize(("one_consumer", "consumers"), [(False, 6), (True, 2)])
async def test_every_project_is_told_and_the_operators(
    one_consumer: bool,  # noqa: FBT001 - one case of two
    consumers: int,
    tmp_path: Path,
) -> None:
    found = await settings(tmp_path, Wishes(one_consumer=one_consumer))
    assert len(found.consumers) == consumers


def test_a_full_run_has_enough_incidents_for_a_p99() -> None:
    assert min(FULL.early, FULL.forced) >= 200


@pytest.mark.parametrize("projects", PROJECTS)
def test_a_cell_has_a_server_of_each_of_its_projects(projects: int) -> None:
    assert all(cell.servers >= cell.projects == projects for cell in cells(projects))


def test_every_cell_that_something_is_wanted_of_is_measured() -> None:
    measured = {cell.key for projects in PROJECTS for cell in cells(projects)}
    assert set(EARLY_WANTED_S) <= measured


def test_the_priority_is_that_of_the_unit() -> None:
    unit = (Path(__file__).parents[2] / "systemd" / "doctor-daemon.service").read_text()
    assert f"\nNice={NICE}\n" in unit
