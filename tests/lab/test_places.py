"""A lab that is placed elsewhere than on 127.0.0.1, and known by a name."""

from __future__ import annotations

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.listeners import Spot
from tests.lab.caller import caller


async def test_urls_have_the_name_and_sockets_the_address() -> None:
    options = LabOptions(
        hosts=1, cloud=Spot("127.0.0.2", "cloud.lab.test"), bmcs=Spot("127.0.0.3", "127.0.0.3")
    )
    async with Lab(options) as lab, caller() as asks:
        found = lab.describe()
        assert found["keystone"].startswith("http://cloud.lab.test:")
        assert found["nova"].startswith("http://cloud.lab.test:")
        assert all(
            url.startswith("http://cloud.lab.test:") for url in lab.keystone.endpoints.values()
        )
        assert found["control"].startswith("http://127.0.0.1:")
        bmc = found["hosts"]["compute-1"]["bmc"]
        assert bmc.startswith("http://127.0.0.3:")
        assert (await asks.ask("GET", f"{bmc}/redfish/v1/")).status == 200
        nova = found["nova"].replace("cloud.lab.test", "127.0.0.2")
        assert (await asks.ask("GET", f"{nova}/servers")).status == 401
