"""From settings to what the engine goes by: at the start, and again at each reload."""

from __future__ import annotations

from collections import defaultdict

from doctor_daemon.config import Address, Settings
from doctor_daemon.config.own_side import OwnSide
from doctor_daemon.core.host import HostId
from doctor_daemon.core.ourselves import OwnRules
from doctor_daemon.engine.itself import Machine, machine, ours
from doctor_daemon.engine.own_probes import Asked, Point, Wanted
from doctor_daemon.engine.ward import Rules


def rules_of(settings: Settings, us: Machine | None = None) -> Rules:
    """Return the rules of a configuration. `us`: the machine that we run on, if not this one."""
    names = defaultdict[HostId, list[str]](list)
    for alias, host in settings.aliases.items():
        names[host].append(alias)
    for host, addresses in settings.addresses.items():
        names[host] += addresses.values()
    return Rules(
        mode=settings.mode,
        policy=settings.policy,
        plans=settings.plans,
        aliases=settings.aliases,
        cloud=settings.cloud.name,
        volumes=settings.volumes,
        ports=settings.ports,
        probing=settings.probing,
        own=OwnRules(
            self_=ours(us or machine(), settings.plans, names),
            control=settings.own_side.control(),
            control_fenced=settings.own_side.fence_controllers,
        ),
    )


def wanted(own: OwnSide) -> Wanted:
    """Return what is to be asked about our own side."""
    return Wanted(
        reference=_asked(own.reference_points, own.reference_quorum),
        bmc=_asked(own.bmc_points, own.bmc_quorum),
        interfaces=own.interfaces,
        devices_share=own.devices_share,
        every_s=own.every_s,
        timeout_s=own.timeout_s,
    )


def _asked(points: tuple[Address, ...], quorum: int | None) -> Asked:
    """More than half of them must answer, if nothing else is said."""
    made = tuple(Point(one.host, one.port) for one in points)
    return Asked(made, quorum or len(made) // 2 + 1)
