"""What must fit, where hosts are fenced by their own watchdogs: computed, and refused below.

Anything that is too short here ends in two hosts that write, or in a fleet that is reset because
the daemon was restarted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from doctor_daemon.config.models import File
from doctor_daemon.config.problems import Loc
from doctor_daemon.config.settings import Choice, DeviceChoice
from doctor_daemon.config.timing import Numbers
from doctor_daemon.core.host import HostPlan
from doctor_daemon.heartbeat.lease import ASK_EVERY_S, LOST, least_lease_s

NAMED_MAX = 5
SLOW = "off_after_s"
"""The attribute of a device's options by which it is known to take its time."""


def unshared(file: File, store: Choice) -> Iterator[tuple[Loc, str]]:
    """Yield what is not to be had where several daemons share a store, and why."""
    if file.watchdogs is not None and store.shared:
        text = (
            f"expected none with state.type {store.kind}: a daemon that was frozen could feed the "
            "watchdog of a host that the one that leads by then takes for reset"
        )
        yield ("watchdogs",), text


def unfit(
    file: File, numbers: Numbers, plans: Iterable[HostPlan], choices: Iterable[DeviceChoice]
) -> Iterator[tuple[Loc, str]]:
    """Yield where something does not fit, and why."""
    slow = [choice for choice in choices if hasattr(choice.config, SLOW)]
    if not slow:
        return
    if file.watchdogs is None:
        yield ("watchdogs",), "missing; expected it, for hosts have a device of type watchdog"
        return
    names = {(choice.host, choice.name) for choice in slow}
    alone = [
        str(plan.host)
        for plan in plans
        if (first := _proving(plan)) and all((plan.host, name) in names for name in first)
    ]
    if alone:
        text = (
            "expected another power device that proves in the first level: a watchdog resets a "
            f"host, and it comes up again ({_listed(alone)})"
        )
        yield ("hosts",), text
    yield from _times(file.watchdogs.restart_s, numbers, slow)


def _proving(plan: HostPlan) -> list[str]:
    """Return the names of the devices by which a host's first level is proven."""
    return [one.name for level in plan.levels[:1] for one in level.devices if one.proves]


def _times(
    restart_s: float, numbers: Numbers, slow: list[DeviceChoice]
) -> Iterator[tuple[Loc, str]]:
    lease_s = min(float(getattr(choice.config, "lease_s", 0.0)) for choice in slow)
    off_s = max(float(getattr(choice.config, SLOW)) for choice in slow)
    least_s, timing = least_lease_s(restart_s), numbers.timing
    if lease_s < least_s:
        made = f"watchdogs.restart_s + {LOST} x {ASK_EVERY_S:g}"
        text = f"found a lease_s of {lease_s:g}; expected at least {least_s:g} = {made}"
        yield ("hosts",), f"{text}: a restart of the daemon must not reset the fleet"
    least_s = off_s + timing.off_timeout_s
    if timing.progress_s < least_s:
        made = "a watchdog's longest wait + off_timeout_s"
        text = f"found {timing.progress_s:g}; expected at least {least_s:g} = {made}"
        yield ("timing", "progress_s"), f"{text}: it must have its time"
    least_s = off_s + 2 * timing.off_timeout_s + timing.backoff_max_s
    if numbers.budget.window_s < least_s:
        made = "a watchdog's longest wait + 2 x off_timeout_s + backoff_max_s"
        text = f"found {numbers.budget.window_s:g}; expected at least {least_s:g} = {made}"
        why = "a host that is still being fenced must not drop out of the count"
        yield ("budget", "window_s"), f"{text}: {why}"


def lives(choices: Iterable[DeviceChoice]) -> Iterator[str]:
    """Warn of what the loss of the daemon does to hosts with watchdogs."""
    slow = [choice for choice in choices if hasattr(choice.config, SLOW)]
    if slow:
        lease_s = min(float(getattr(choice.config, "lease_s", 0.0)) for choice in slow)
        off_s = max(float(getattr(choice.config, SLOW)) for choice in slow)
        hosts = _listed(sorted({str(choice.host) for choice in slow}))
        yield (
            f"hosts with a watchdog: {hosts}: if this daemon, or the network to it, is away for "
            f"over {lease_s:g} s, ALL OF THEM ARE RESET; to be sure by it takes {off_s:.0f} s"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more
