"""Which servers of a dead host are moved, and in which order, by what a real Nova shows of them."""

from __future__ import annotations

from contextlib import ExitStack

from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import active, assert_moved, change, outcomes, posts, server_of
from tests.openstack.tags import aggregate, flavored, write

HOST = "compute-1"


def test_p_of_a_mixed_host_what_is_tagged_moves_in_ranks_and_each_owner_is_told(
    estate: Estate,
) -> None:
    plain, yes, no, last, first, locked, paused = servers = estate.boot(HOST, 7)
    with flavored(estate, {"evacuable": "true"}) as flavor:
        [by_flavor] = estate.boot(HOST, 1, flavor)
    write(estate, yes, HA_Enabled="True")
    write(estate, no, HA_Enabled="False", evacuable="true")
    write(estate, last, evacuable="true", priority="1")
    write(estate, first, HA_Enabled="True", priority="1000")
    write(estate, locked, HA_Enabled="True")
    write(estate, paused, HA_Enabled="True")
    change(estate, paused, "pause", "PAUSED")
    estate.tenant.compute("POST", f"/servers/{locked}/action", {"lock": None}, expect=202)
    with running(estate, evacuation={}, hosts={"evacuate": "tagged"}) as daemon:
        estate.crash(HOST)
        daemon.await_phase(HOST, "down", 120)
        records = {one["server"]: one for one in daemon.incident(HOST)["evacuations"]}
    moved = [yes, last, first, locked, by_flavor]
    assert_moved(estate, HOST, active(moved))
    order = [server_of(row) for row in posts(estate)]
    assert sorted(order) == sorted(moved)
    assert (order[0], order[-1]) == (first, last)
    stayed = [plain, no, paused]
    told = {**dict.fromkeys(moved, "moved"), **dict.fromkeys(stayed, "skipped")}
    assert outcomes(estate.owner.notices()) == told
    assert {*servers, by_flavor} == {*told}
    assert "no tag" in records[plain]["why"]
    assert "HA_Enabled=False" in records[no]["why"]
    assert estate.violations() == []


def test_p_a_host_whose_aggregate_is_tagged_moves_all_but_what_lies_on_its_disks(
    estate: Estate,
) -> None:
    servers = estate.boot(HOST, 2)
    write(estate, servers[0], HA_Enabled="True")
    with ExitStack() as stack:
        stack.enter_context(aggregate(estate, HOST, {"evacuable": "true"}))
        wanted = {"evacuate": "tagged", "shared_storage": False}
        daemon = stack.enter_context(running(estate, evacuation={}, hosts=wanted))
        estate.crash(HOST)
        daemon.await_phase(HOST, "down", 120)
        records = daemon.incident(HOST)["evacuations"]
        assert posts(estate) == []
        assert {one["stage"] for one in records} == {"skipped"}
        assert all("shared_storage is not declared" in one["why"] for one in records)
