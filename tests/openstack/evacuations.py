"""What Nova, the hypervisors and the proxy say of evacuations: facts for the scenarios to judge.

An evacuation is judged three times: by Nova's own records, by the guests' record and by what went
through the proxy. The daemon's word is believed in none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.openstack.consumer import Notice
from tests.openstack.estate import Estate
from tests.openstack.guests import read_record, stays
from tests.openstack.proxy import Passed
from tests.openstack.rack import Change
from tests.openstack.testbed.processes import wait_for

ACTION = r"/servers/[0-9a-f-]{36}/action$"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, and how, in Nova's words."""

    host: str
    status: str
    fault: str


@dataclass(frozen=True, slots=True)
class Move:
    """Nova's record of an evacuation; times are its own words, which sort."""

    server: str
    source: str
    to: str
    """Empty until nova-compute of the destination has begun."""
    status: str
    created: str
    updated: str


def active(servers: list[str]) -> dict[str, str]:
    return dict.fromkeys(servers, "ACTIVE")


def change(estate: Estate, server: str, action: str, status: str) -> None:
    """An action of the server's owner, until it is done."""
    path = f"/servers/{server}"
    estate.tenant.compute("POST", f"{path}/action", {action: None}, expect=202)

    def done() -> bool:
        return bool(estate.tenant.compute("GET", path)["server"]["status"] == status)

    wait_for(f"the server to be {status}", done, 30)


def outcomes(notices: list[Notice]) -> dict[str, str]:
    """What a consumer was told of each server in the end."""
    return {
        server["id"]: str(notice.data["outcome"])
        for notice in notices
        if notice.data["kind"] == "outcome"
        for server in notice.data["servers"]
    }


def places(estate: Estate) -> dict[str, Place]:
    """All servers there are."""
    rows = estate.admin.compute("GET", "/servers/detail?all_tenants=1", version="2.94")["servers"]
    return {row["id"]: _place(row) for row in rows}


def _place(row: dict[str, Any]) -> Place:
    fault = row.get("fault", {}).get("message", "")
    return Place(row["OS-EXT-SRV-ATTR:host"], row["status"], fault)


def migrations(estate: Estate, server: str) -> list[str]:
    """The states of a server's evacuations, oldest first."""
    return [row.status for row in moves(estate) if row.server == server]


def moves(estate: Estate) -> list[Move]:
    """Nova's records of evacuations, oldest first."""
    path = "/os-migrations?migration_type=evacuation"
    rows = estate.admin.compute("GET", path, version="2.66")["migrations"]
    return [_move(row) for row in sorted(rows, key=lambda row: row["id"])]


def _move(row: dict[str, Any]) -> Move:
    return Move(
        server=row["instance_uuid"],
        source=row["source_compute"],
        to=row["dest_compute"] or "",
        status=row["status"],
        created=row["created_at"],
        updated=row["updated_at"] or row["created_at"],
    )


def posts(estate: Estate) -> list[Passed]:
    """The daemon's requests to evacuate that reached Nova in this scene."""
    return [row for row in estate.passed("POST", ACTION) if row.forwarded]


def server_of(row: Passed) -> str:
    return row.asked.path.split("/")[-2]


def repeated(rows: Iterable[Passed]) -> list[str]:
    """Servers for which Nova was asked more than once: it refuses no second evacuation."""
    counted = Counter(map(server_of, rows))
    return [f"{count} requests for {server}" for server, count in counted.items() if count > 1]


def unproven(rows: Iterable[Passed], changes: Sequence[Change], late_s: float = 0.0) -> list[str]:
    """Requests that Nova got while the host's power was on.

    A daemon that reads the power now and then learns late that it is on again: ``late_s`` later.
    """
    told = []
    for row in rows:
        assert row.forwarded is not None
        moment = row.forwarded
        before = [change for change in changes if change.mono <= moment]
        # A host is on until its power was changed for the first time.
        power, since = (before[-1].power, before[-1].mono) if before else ("On", 0.0)
        if power != "Off" and moment > since + late_s:
            told.append(f"{server_of(row)} at {moment:.3f}, {moment - since:.3f} s after power on")
    return told


def arrivals(estate: Estate, host: str) -> dict[str, float]:
    """When each server's guest was last started on another host than this."""
    found = stays(read_record(estate.site.guests_record))
    return {stay.server: stay.since for stay in found if stay.host != host}


def await_moved(estate: Estate, host: str, wanted: dict[str, str]) -> None:
    """Until each server has the status wanted, on another host. AssertionError: never so."""

    def arrived() -> bool:
        now = places(estate)
        return all(
            now[server].host != host and now[server].status == status
            for server, status in wanted.items()
        )

    wait_for(f"all {len(wanted)} servers elsewhere", arrived, 60)


def assert_moved(estate: Estate, host: str, wanted: dict[str, str]) -> None:
    """Each of these servers is elsewhere, there as it was, and was evacuated exactly once."""
    await_moved(estate, host, wanted)
    for server, place in places(estate).items():
        if server in wanted:
            guest = estate.hosts[place.host].guests()[server]
            assert guest["state"] == {"ACTIVE": "RUNNING", "SHUTOFF": "SHUTDOWN"}[place.status]
            [state] = migrations(estate, server)
            # Done, and completed once nova-compute of the source has cleared up.
            assert state in ("done", "completed")
    assert estate.hosts[host].running_guests() == set()
    assert repeated(row for row in posts(estate) if server_of(row) in wanted) == []
    assert estate.violations() == []
