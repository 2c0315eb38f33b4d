"""Servers that belong together or apart, and one that waits for its project, on a real Nova."""

from __future__ import annotations

from contextlib import ExitStack

from tests.openstack.daemon import running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import (
    active,
    arrivals,
    assert_moved,
    outcomes,
    posts,
    server_of,
)
from tests.openstack.tags import server_group
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.site import HOSTS

HOST = "compute-1"
ELSEWHERE = HOSTS[1:]
SPAWN_S = 3.0
PLAN = "plan: 4 of 6 servers are to be moved; 3 other hosts are enabled and up"


def slow(estate: Estate) -> None:
    for name in ELSEWHERE:
        estate.hosts[name].spawns(spawn_s=SPAWN_S)


def test_q_servers_kept_apart_move_one_by_one_those_kept_together_stay_and_one_waits(
    estate: Estate,
) -> None:
    with ExitStack() as stack:
        enter = stack.enter_context
        apart = enter(server_group(estate, "anti-affinity", max_server_per_host=2))
        together = enter(server_group(estate, "affinity"))
        pair = [estate.boot(HOST, 1, group=apart)[0] for _ in range(2)]
        kept = [estate.boot(HOST, 1, group=together)[0] for _ in range(2)]
        waits, plain = estate.boot(HOST, 2)
        wish = {"metadata": {"doctor-daemon:hold": "60"}}
        estate.tenant.compute("PUT", f"/servers/{waits}/metadata", wish)
        slow(estate)
        daemon = enter(running(estate, evacuation={}, hosts={"hold_max_s": 60.0}))
        estate.crash(HOST)
        wait_for("the plan", lambda: posts(estate), 60)
        records = {one["server"]: one for one in daemon.incident(HOST)["evacuations"]}
        assert records[waits]["why"] == "it waits for a word of its project"
        assert daemon.answer(plain, "handled") == "not waiting"
        assert daemon.answer(waits, "handled") == "taken"
        daemon.await_phase(HOST, "down", 120)
        told = [entry["text"] for entry in daemon.incident(HOST)["timeline"]]
    moved, stayed = [*pair, plain], [*kept, waits]
    assert_moved(estate, HOST, active(moved))
    sent = {server_of(row): row.asked.mono for row in posts(estate)}
    assert sorted(sent) == sorted(moved)
    first, second = sorted(pair, key=sent.__getitem__)
    assert sent[second] > arrivals(estate, HOST)[first] >= sent[first] + SPAWN_S
    assert sent[plain] < sent[second]
    expected = dict.fromkeys(moved, "moved") | dict.fromkeys(stayed, "skipped")
    assert outcomes(estate.owner.notices()) == expected
    assert any(text.startswith(PLAN) for text in told)
    assert estate.violations() == []
