"""What is shown of the probes: to operators, and to whoever asks whether the daemon is ready."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from doctor_daemon.core.host import HostId, HostPlan
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.readiness import DeviceRecord, Records, fenceable, good_at
from doctor_daemon.engine.readiness import Readiness

NAMED_MAX = 20


def probed_hosts(plans: Iterable[HostPlan], readiness: Readiness, now: Instant) -> dict[str, Any]:
    """Show how the devices of hosts have answered."""
    rows = []
    for plan in plans:
        posts = readiness.posts(plan.host)
        waits = {post.device.name for post in posts if post.asked or post.busy}
        row = host_row(plan, readiness.records(plan.host), now)
        for device in row["devices"]:
            device["pending"] = device["device"] in waits
        rows.append(row)
    return {"hosts": rows}


def host_row(plan: HostPlan, records: Records, now: Instant) -> dict[str, Any]:
    """Show one host: whether it could be fenced, and what each of its devices has said."""
    good = good_at(plan, records)
    return {
        "host": str(plan.host),
        "fenceable": fenceable(plan, records).value,
        "good_age_s": now.since(good) if good else None,
        "devices": [
            {
                "device": device.name,
                "level": number,
                "kind": device.kind,
                **_probe(records.get(device.name, DeviceRecord()), now),
            }
            for number, level in enumerate(plan.levels, 1)
            for device in level.devices
        ],
    }


def _probe(record: DeviceRecord, now: Instant) -> dict[str, Any]:
    last = record.last
    return {
        "grade": last.grade.value if last else None,
        "text": last.text if last else "not probed yet",
        "took_s": last.took_s if last else None,
        "age_s": now.since(last.at) if last else None,
        "failures": record.failures,
    }


def unfenceable(readiness: Readiness) -> dict[str, Any]:
    """Say which hosts could not be fenced now: how many, and the first of them."""
    hosts: tuple[HostId, ...] = readiness.unfenceable()
    return {"count": len(hosts), "hosts": [str(host) for host in hosts[:NAMED_MAX]]}
