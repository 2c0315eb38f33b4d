"""ipmi_sim before hosts of the lab: what it does to its power is done to the host, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from doctor_daemon.lab.world import World
from tests.contracts.fence_rigs import put_secret
from tests.contracts.ipmi import CIPHER, PASSWORD, USER, Bmc
from tests.lying.stage import agent, prepare
from tests.slice.site import Json, Site

LOOK_S = 0.02
TIMEOUT_S = 2.5
"""A program has to be started first, beside whatever else the machine does."""
OTHER = UUID("ffffffff-0000-4000-8000-00000000dead")


class Simulators:
    """One for each host whose levels name it, and what carries power over between the two."""

    def __init__(self, folder: Path) -> None:
        self.bmcs: dict[str, Bmc] = {}
        """Host -> its simulator."""
        self._folder = folder
        self._carrying: list[asyncio.Task[None]] = []

    def prepare(self, place: Site) -> None:
        """Start them, and write out the levels of all hosts."""
        for host, entry in place.hosts.items():
            words = [word for level in entry["levels"] for word in level if level != "manual"]
            named = next((word for word in words if word in _OWN), None)
            if named is not None:
                self._start(place, host, stranger=named == "stranger")
        place.hosts = {
            host: {**entry, "levels": [self._level(place, host, one) for one in entry["levels"]]}
            for host, entry in place.hosts.items()
        }
        prepare(place)

    async def close(self) -> None:
        """End them."""
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        for bmc in self.bmcs.values():
            bmc.stop()

    def _start(self, place: Site, host: str, *, stranger: bool) -> None:
        guid = OTHER if stranger else UUID(place.host(host).system_uuid)
        bmc = self.bmcs[host] = Bmc(self._folder / host, guid.bytes_le)
        bmc.start()
        carrying = asyncio.get_running_loop().create_task(carry(bmc, place.lab.world, host))
        self._carrying.append(carrying)

    def _level(self, place: Site, host: str, level: object) -> object:
        if not isinstance(level, list):
            return level
        return [self._device(place, host, word) if word in _OWN else word for word in level]

    def _device(self, place: Site, host: str, word: str) -> Json:
        secret = put_secret(self._folder / "password", PASSWORD).path
        port, uuid = self.bmcs[host].port, place.host(host).system_uuid
        if word == "fence_ipmilan":
            parameters = {"ip": "127.0.0.1", "ipport": port, "username": USER, "lanplus": True}
            more = {"cipher": CIPHER, "power_wait": 0, "power_timeout": 1}
            whole = {"parameters": parameters | more, "secrets": {"password": str(secret)}}
            return agent(word, uuid) | whole
        return {
            "name": "ipmi",
            "type": "ipmi",
            "address": "127.0.0.1",
            "port": port,
            "username": USER,
            "password_file": str(secret),
            "cipher": CIPHER,
            "uuid": uuid,
            "timeout_s": TIMEOUT_S,
            "tells": "host" if word == "witness" else "supply",
        }


_OWN = ("ipmi", "witness", "stranger", "fence_ipmilan")
"""Devices that speak to a simulator; `witness` is an `ipmi` that tells of the host itself, and
`stranger` one whose GUID is another machine's."""


async def carry(bmc: Bmc, world: World, host: str) -> None:
    """Carry every change of power over, whichever side it begins on."""
    shown = bmc.power
    while True:
        if (now := bmc.power) != shown:
            (world.power_on if now == "on" else world.power_off)(host)
        elif world.hosts[host].power is not (now == "on"):
            bmc.power = now = "on" if world.hosts[host].power else "off"
        shown = now
        await asyncio.sleep(LOOK_S)
