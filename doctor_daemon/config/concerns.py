"""What a valid configuration should still be known for: warnings, in the operator's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from doctor_daemon.config.hosts import HostReader
from doctor_daemon.config.kinds import SILENT, spoofable, strangers, unreachable
from doctor_daemon.config.lifelines import lives
from doctor_daemon.config.models import File
from doctor_daemon.config.settings import AuthKind, Choice, SourceChoice
from doctor_daemon.config.timing import Numbers
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostPlan, Mode, Scope
from doctor_daemon.core.witness import witnesses

NAMED_MAX = 5


def concerns(
    file: File, numbers: Numbers, sources: tuple[SourceChoice, ...], hosts: HostReader
) -> Iterator[str]:
    """Yield every warning."""
    yield from _openness(file, sources)
    yield from _evidence(sources)
    yield from strangers(hosts.plans.values(), sources)
    yield from unreachable(hosts.plans.values(), sources)
    yield from spoofable(
        hosts.plans.values(), sources, hidden=file.listen.loopback or file.tls is not None
    )
    yield from _topologies(tuple(hosts.plans.values()))
    yield from _levels_outlast(numbers, hosts.plans.values())
    yield from _numbers(file, tuple(hosts.plans.values()))
    yield from _own_side(file, tuple(hosts.plans.values()))
    yield from _disks(file, hosts.plans.values())
    yield from _unmoved(file, hosts.plans.values())
    for inventory in hosts.inventories:
        if inventory.unused:
            yield f"{inventory.file}: no entry uses {_listed(inventory.unused)}"
    yield from _unverified(hosts.devices.choices)
    yield from _unidentified(hosts.devices.choices)
    yield from lives(hosts.devices.choices)
    if not file.consumers:
        yield "no consumers: nobody will be told"
    if file.state.type == "memory":
        yield "state: memory keeps nothing: after a restart every open incident is forgotten"


def _listed(names: Iterable[str]) -> str:
    names = tuple(names)
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _openness(file: File, sources: tuple[SourceChoice, ...]) -> Iterator[str]:
    if not file.listen.loopback and file.tls is None:
        yield (
            f"listen: {file.listen} takes evidence in plain HTTP from other machines: secrets of "
            "sources can be read on the way; configure `tls`, or listen on 127.0.0.1"
        )
    for source in sources:
        if source.auth.kind is AuthKind.ADDRESSES:
            yield f"sources: {source.name} is not authenticated: whoever sends from its addresses"


def _evidence(sources: tuple[SourceChoice, ...]) -> Iterator[str]:
    sources = tuple(source for source in sources if source.kind not in SILENT)
    trusts = [source.terms.trust for source in sources]
    if not sources:
        yield "no sources: no evidence can come in"
    elif Trust.ALONE not in trusts and Trust.SECOND not in trusts:
        yield "sources: none is authenticated, so no host can ever be fenced by evidence"
    elif Trust.ALONE not in trusts and len(trusts) == 1:
        yield "sources: the only one needs a second kind of evidence, and there is none"


def _topologies(plans: tuple[HostPlan, ...]) -> Iterator[str]:
    if not plans:
        yield "no hosts: evidence about any host is refused"
    open_ = [plan for plan in plans if not plan.protected]
    bare = [str(plan.host) for plan in open_ if plan.mode >= Mode.FENCE and not plan.levels]
    if bare:
        yield f"hosts to be fenced that have no level, and will be held: {_listed(bare)}"
    single = [str(plan.host) for plan in open_ if len(plan.levels) == 1]
    if single:
        yield (
            f"hosts without a second level: {_listed(single)}: they are held when their level "
            "fails, and nothing contradicts a device of it that wrongly says off"
        )
    lone = [str(plan.host) for plan in open_ if len(plan.levels) > 1 and _believed_alone(plan)]
    if lone:
        yield (
            f"hosts with a power device that no other contradicts: {_listed(lone)}: where it "
            "wrongly says off, only a sign of life of the host shows it"
        )


def _believed_alone(plan: HostPlan) -> bool:
    """Tell whether one device proves a level by itself, and none of another level is a witness."""
    return any(
        sum(device.proves for device in level.devices) == 1 and not witnesses(plan, number)
        for number, level in enumerate(plan.levels, 1)
    )


def _levels_outlast(numbers: Numbers, plans: Iterable[HostPlan]) -> Iterator[str]:
    """Warn where evidence that is given once is too old by the time of the last level."""
    timing = numbers.timing
    try_s = timing.off_timeout_s + numbers.device_s + timing.backoff_max_s
    most = max((sum(not level.manual for level in plan.levels) for plan in plans), default=0)
    needed_s = timing.grace_s + max(most - 1, 0) * timing.tries_per_level * try_s
    if needed_s > timing.evidence_age_s:
        yield (
            f"timing: the last of {most} levels may come {needed_s:g} s after the evidence, which "
            f"is believed for {timing.evidence_age_s:g} s: a source that does not repeat itself "
            "will not fence by it; raise evidence_age_s"
        )


def _numbers(file: File, plans: tuple[HostPlan, ...]) -> Iterator[str]:
    if file.timing.grace_s == 0:
        yield "timing: grace_s is 0: nothing can be taken back in time"
    if file.timing.warm_up_s == 0:
        yield "timing: warm_up_s is 0: a daemon that has just started cuts before it has seen much"
    if 1 < len(plans) < file.mass.all_from:
        yield "mass: all_from is more than there are hosts: all of them may be taken for dead"
    if 1 < len(plans) <= file.budget.total:
        yield "budget: total is as many as there are hosts: a false alarm may fence all of them"
    if not file.probes.every_s:
        yield "probes: every_s is 0: a power device that is broken is found when it is needed"
    homeless = [str(plan.host) for plan in plans if not plan.domain and not plan.protected]
    if homeless and len(homeless) < len(plans):
        yield f"hosts: {_listed(homeless)} have no domain: they share one budget"


def _own_side(file: File, plans: tuple[HostPlan, ...]) -> Iterator[str]:
    """Say what is missing to tell a daemon that is cut off from hosts that have died."""
    fenced = any(min(file.mode, plan.mode) >= Mode.FENCE for plan in plans)
    own = file.own_side
    missing = [
        option
        for option in ("reference_points", "bmc_points", "interfaces")
        if not getattr(own, option)
    ]
    if fenced and not own.configured:
        yield (
            "own_side: nothing is configured, so that only Nova's answers, and those of other "
            f"hosts' power devices, tell a daemon that is cut off: name {', '.join(missing)}"
        )
    elif fenced and "reference_points" in missing:
        yield "own_side: no reference_points: a daemon that is cut off may take hosts for dead"


def _disks(file: File, plans: Iterable[HostPlan]) -> Iterator[str]:
    """Say whose servers stay or begin anew, although the mode goes as far as moving them."""
    moving = [
        plan
        for plan in plans
        if min(file.mode, plan.mode) is Mode.EVACUATE
        and plan.selection.scope is not Scope.NONE
        and not plan.selection.shared_storage
    ]
    stay = [str(plan.host) for plan in moving if not plan.selection.lost_disks]
    lost = [str(plan.host) for plan in moving if plan.selection.lost_disks]
    if stay:
        yield (
            f"hosts without shared_storage: {_listed(stay)}: only their servers that boot from "
            "volumes are moved"
        )
    if lost:
        yield (
            f"hosts with i_accept_lost_disks: {_listed(lost)}: their servers that were booted from "
            "images begin anew, and lose what is on their disks"
        )


def _unverified(choices: Iterable[Choice]) -> Iterator[str]:
    count = sum(getattr(choice.config, "verify", True) is False for choice in choices)
    if count:
        yield f"hosts: the TLS certificates of {count} power devices are not verified"


def _unidentified(choices: Iterable[Choice]) -> Iterator[str]:
    count = sum(getattr(choice.config, "i_accept_no_identity", False) for choice in choices)
    if count:
        yield f"hosts: {count} power devices cannot say which machine they cut: a drill can"


def _unmoved(file: File, plans: Iterable[HostPlan]) -> Iterator[str]:
    """Say which hosts are not switched on by themselves, although that is configured."""
    idle = [
        str(plan.host)
        for plan in plans
        if plan.way_back.power_on and min(file.mode, plan.mode) < Mode.EVACUATE
    ]
    if idle:
        yield (
            f"hosts with power_on whose mode is not evacuate: {_listed(idle)}: they are not "
            "switched on, for nobody knows whether something else is about to move their servers"
        )
