"""SIGHUP: a changed file is taken whole or not at all, while incidents are open."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from doctor_daemon.lab.world import Failure
from tests.slice.process import Process, daemon
from tests.slice.script import Scenes, Stories
from tests.slice.site import LIMIT_S, LOOK_S, QUICK, Site, free_port, site, story

FIRST, SECOND, THIRD = "compute-1", "compute-2", "compute-3"
SCRIPT = Stories()
Config = dict[str, Any]


async def reload(place: Site, process: Process, text: str, outcome: str = "taken") -> None:
    """Write the file, send SIGHUP, and wait for what becomes of it."""
    series = f'doctor_reloads_total{{outcome="{outcome}"}}'
    before = await place.metric(series)
    (place.folder / "doctor-daemon.yaml").write_text(text)
    process.send_signal(signal.SIGHUP)
    for _ in range(int(LIMIT_S / LOOK_S)):
        if await place.metric(series) > before:
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(place.log.read_text()[-4000:])


def loaded(place: Site) -> Config:
    """Return the file as the daemon was started with it."""
    found: Config = yaml.safe_load((place.folder / "doctor-daemon.yaml").read_text())
    return found


def dumped(config: Config) -> str:
    return yaml.safe_dump(config)


async def fail(place: Site, name: str) -> None:
    place.lab.world.fail(name, Failure.COMPUTE)
    await place.monitor.insist(name)


async def health(place: Site) -> str:
    """Return what /healthz says, once the engine has ticked."""
    async with asyncio.timeout(LIMIT_S):
        while (found := await place.get("/healthz"))[0] != 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)
    return found[1]


async def mode(place: Site) -> str:
    return str((await place.ask("GET", "/v1/status"))["mode"])


@SCRIPT.story
async def d4_a_bad_or_half_file(folder: Path) -> None:
    async with site(folder) as place, daemon(place) as process:
        good = dumped(loaded(place))
        bad = dumped({**loaded(place), "mode": "destroy"})
        for text, why in (
            (bad, "found 'destroy'"),
            (good[: len(good) // 2].rstrip("\n"), ""),
            (good.rstrip("\n"), "its last line has no end"),
            ("", ""),
        ):
            await reload(place, process, text, "refused")
            assert await mode(place) == "fence"
            assert await place.metric("doctor_config_good") == 0
            said = await health(place)
            assert "the configuration on the disk is not in force" in said
            assert why in said
        await place.arm()
        await fail(place, FIRST)
        await place.until(FIRST, "down")
        await reload(place, process, good)
        assert await place.metric("doctor_config_good") == 1
        assert "configuration" not in await health(place)


@SCRIPT.story
async def d4_tightening_is_at_once(folder: Path) -> None:
    """One host is protected, and another one taken out, while both are suspected."""
    slow = {"timing": {**QUICK, "grace_s": 4}}
    async with site(folder, changes=slow) as place, daemon(place) as process:
        await place.arm()
        for name in (FIRST, SECOND, THIRD):
            await fail(place, name)
            await place.until(name, "suspected")
        config = loaded(place)
        config["hosts"][0]["protected"] = "it holds the keys"
        config["hosts"] = [one for one in config["hosts"] if one["names"] != SECOND]
        await reload(place, process, dumped(config))
        held = await place.until(FIRST, "held")
        assert held["held"]["why"] == f"{FIRST} is protected: it holds the keys"
        await place.until(THIRD, "down")
        assert place.host(FIRST).power
        assert place.host(SECOND).power
        await place.logged(f"hosts that are not configured any more: {SECOND}")
        await place.logged(f"protected: '' -> 'it holds the keys': {FIRST}")


@SCRIPT.story
async def d4_loosening_takes_a_human(folder: Path) -> None:
    """What a tool has pushed is not in force until somebody has armed the daemon with it."""
    async with site(folder) as place, daemon(place) as process:
        await place.arm()
        config = loaded(place)
        config["hosts"][0]["mode"] = "notify"
        await reload(place, process, dumped(config))
        config["hosts"][0]["mode"] = "fence"
        await reload(place, process, dumped(config), "refused")
        assert f"mode: notify -> fence: {FIRST}: an armed daemon" in await health(place)
        await fail(place, FIRST)
        await place.until(FIRST, "suspected")
        await place.ask("POST", "/v1/disarm", {"why": "to look at the change"})
        await reload(place, process, dumped(config))
        assert place.host(FIRST).power
        await place.arm()
        await place.ask("POST", f"/v1/hosts/{FIRST}/orders", {"order": "fence", "why": "a test"})
        await place.until(FIRST, "down")


@SCRIPT.story
async def d4_what_takes_a_restart(folder: Path) -> None:
    async with site(folder) as place, daemon(place) as process:
        config = loaded(place)
        config["metrics_listen"] = f"127.0.0.1:{free_port()}"
        config["mode"] = "notify"
        config["timing"]["grace_s"] = 0.75
        await reload(place, process, dumped(config))
        assert await mode(place) == "notify"
        await place.logged("left as it was until a restart")
        said = place.log.read_text()
        assert "option=metrics_listen" in said
        assert "mode: fence -> notify" in said
        assert "grace_s: 0.5 -> 0.75" in said
        assert "[notify, disarmed] configuration taken" in said
        await place.arm()
        await fail(place, FIRST)
        assert (await place.until(FIRST, "held"))["held"]["gate"] == "mode"


@SCRIPT.story
async def d4_another_device_is_used(folder: Path) -> None:
    """The first device is a wrong machine's; its entry is mended without a restart."""
    async with site(folder) as place:
        whole = place._options()  # noqa: SLF001 - the file, before it is spoilt
        spoilt = [dict(one) for one in whole["hosts"]]
        device = dict(spoilt[0]["levels"][0][0], uuid="00000000-0000-4000-8000-00000000dead")
        spoilt[0]["levels"] = [[device], "manual"]
        place.changes = {"hosts": spoilt}
        async with daemon(place) as process:
            await place.arm()
            await fail(place, FIRST)
            await place.until(FIRST, "held", "answers for")
            await reload(place, process, dumped({**loaded(place), "hosts": whole["hosts"]}))
            await place.logged(f"power devices changed, proofs of before are void: {FIRST}")
            await place.order(FIRST, "fence")
            incident = await place.until(FIRST, "down")
            assert "proven off" in story(incident)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
