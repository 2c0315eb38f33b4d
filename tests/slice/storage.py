"""The block storage of a site, as operators name it in the configuration."""

from __future__ import annotations

import asyncio

from tests.slice.site import LIMIT_S, LOOK_S, Json, Site


def with_cinder(place: Site, **more: object) -> None:
    """Name the lab's Cinder in the configuration, as the cloud itself is named there."""
    found = place.lab.describe()
    options = {"type": "cinder", "clouds_file": found["clouds"], "cloud": found["cloud"], **more}
    place.changes = {**place.changes, "storage": options}


async def tasks(place: Site, host: str, **wanted: str) -> dict[str, Json]:
    """Wait until the host's storage stands as is wanted, by service: return its tasks."""
    found: dict[str, Json] = {}
    for _ in range(int(LIMIT_S / LOOK_S)):
        shown = (await place.ask("GET", f"/v1/hosts/{host}"))["storage"]
        found = {task["service"].partition("@")[2]: task for task in shown}
        if {name: task["stage"] for name, task in found.items()} == wanted:
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(found)
