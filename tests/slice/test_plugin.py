"""Somebody else's source, installed by pip from a package of its own, in a real daemon."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slice.process import ready, started, stop
from tests.slice.site import Site, site

PACKAGE = Path(__file__).parents[1] / "plugin_package"
HOST = "compute-1"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package where nobody else looks; return the folder."""
    folder = tmp_path_factory.mktemp("plugin")
    made = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(PACKAGE, folder / "package", ignore=made)
    # Without a network: what it depends on is here already.
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    words = ("install", "--quiet", *offline, "--target", str(folder / "site"))
    argv = (sys.executable, "-m", "pip", *words, str(folder / "package"))
    subprocess.run(argv, check=True, timeout=60)
    return folder / "site"


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}


def wanted(flags: Path, **options: object) -> dict[str, object]:
    entry = {"name": "flags", "type": "flag-files", "trust": "alone", "folder": str(flags)}
    return {"sources": [{**entry, "every_s": 0.1, **options}]}


async def heard(place: Site, host: str, text: str) -> None:
    """Wait until the timeline of a host's last incident has a text."""
    async with asyncio.timeout(30):
        while True:
            found = await place.incident(host)
            if found is not None and text in str(found["timeline"]):
                return
            await asyncio.sleep(0.05)


async def test_a_foreign_source_has_a_host_fenced(tmp_path: Path, installed: Path) -> None:
    flags = tmp_path / "flags"
    flags.mkdir()
    async with (
        site(tmp_path, changes=wanted(flags)) as place,
        started(place, env=environment(installed)) as process,
    ):
        await ready(place, process)
        await place.arm()
        assert await place.metric('doctor_source_age_seconds{source="flags"}') < 30
        (flags / HOST).touch()
        (flags / "nobody").touch()
        await place.until(HOST, "down")
        assert not place.host(HOST).power
        await stop(process)


async def test_what_it_takes_back_is_a_false_alarm(tmp_path: Path, installed: Path) -> None:
    flags = tmp_path / "flags"
    flags.mkdir()
    async with (
        site(
            tmp_path, changes={**wanted(flags), "timing": {"grace_s": 60, "warm_up_s": 0}}
        ) as place,
        started(place, env=environment(installed)) as process,
    ):
        await ready(place, process)
        await place.arm()
        (flags / HOST).touch()
        await place.until(HOST, "suspected")
        (flags / HOST).unlink()
        await heard(place, HOST, "flags takes it back")
        assert place.host(HOST).power
        await stop(process)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folder": "/nowhere/to/be/found"}, "folder: /nowhere/to/be/found is no folder"),
        ({"evry_s": 1}, "sources[0].evry_s: unknown option; did you mean 'every_s'?"),
        ({"auth": {"bearer_file": "bearer"}}, "this source looks by itself"),
    ],
)
async def test_its_options_are_checked_as_the_daemons_own(
    tmp_path: Path, installed: Path, options: dict[str, object], words: str
) -> None:
    flags = tmp_path / "flags"
    flags.mkdir()
    async with (
        site(tmp_path, changes=wanted(flags, **options)) as place,
        started(place, env=environment(installed)) as process,
    ):
        async with asyncio.timeout(30):
            assert await process.wait() == 2
        assert words in place.log.read_text()


async def test_without_the_package_there_is_no_such_type(tmp_path: Path) -> None:
    async with (
        site(tmp_path, changes=wanted(tmp_path)) as place,
        started(place) as process,
    ):
        async with asyncio.timeout(30):
            assert await process.wait() == 2
        assert "there is no type 'flag-files'" in place.log.read_text()
