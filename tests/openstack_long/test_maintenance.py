"""A host that its operators take out of service and bring back, as its owners are told."""

from __future__ import annotations

import time

from tests.openstack.consumer import Consumer, Notice
from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.testbed.processes import wait_for

HOST = "compute-1"
POLL_S = 12.0
"""In which the daemon has certainly read the services once."""


def test_a_host_that_goes_to_maintenance_and_is_back_is_told(estate: Estate) -> None:
    """Once each, over a restart of the daemon, and to owners without a word of the host."""
    servers = set(estate.boot(HOST, 1))
    service = estate.services[HOST]
    with running(estate) as daemon:
        estate.admin.mark(service, status="disabled", disabled_reason="new memory")
        begun = estate.owner.await_notice("maintenance")
        assert begun.data["outcome"] == "begun"
        assert {server["id"] for server in begun.data["servers"]} == servers
        daemon.kill()
        daemon.start()
        time.sleep(POLL_S)
        estate.admin.mark(service, status="enabled")
        wait_for("the end to be told", lambda: len(told(estate.operator)) == 2, 60)
        time.sleep(POLL_S)
    for consumer in (estate.operator, estate.owner):
        assert [notice.data["outcome"] for notice in told(consumer)] == ["begun", "ended"]
        assert len({notice.data["incident"] for notice in told(consumer)}) == 1
    assert "new memory" in told(estate.operator)[0].data["text"]
    assert not [one for one in told(estate.owner) if "compute-" in one.text or "memory" in one.text]


def told(consumer: Consumer) -> list[Notice]:
    return [notice for notice in consumer.notices() if notice.data["kind"] == "maintenance"]
