"""Witnesses: devices of other levels that tell how the host itself is, and may contradict a proof.

A level proves the host off by its own devices. A BMC that lies consistently, or an outlet that
feeds another machine, is found out by a second device that still sees the host on. So those of the
other levels that read the host's own power are read along: an ON of one of them stands against the
proof. One that is another machine's says nothing. One that is silent may have lost power itself, or
be slow: it is given the time in which a living one answers, errors in between notwithstanding.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.core.context import Context
from doctor_daemon.core.host import Device, HostPlan
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Effect, Identify, Read, Wait
from doctor_daemon.core.proof import Power, Reading, off_run
from doctor_daemon.core.tries import DeviceTry, Try

PATIENCE_S = 5.0
"""From the level's own OFF on, how long a proof waits at least for a witness to speak clearly."""
ANSWERS = 2
"""So many of its answers are waited for: who its host is, and how that is."""


def witnesses(plan: HostPlan, level: int) -> tuple[Device, ...]:
    """Return the devices of all other levels that tell of the host itself."""
    return tuple(
        device
        for number, other in enumerate(plan.levels, 1)
        for device in other.devices
        if number != level and device.tells_host
    )


def contradicting(attempt: Try, go_at: Instant, context: Context) -> str:
    """Say which witness a proof waits for, or is contradicted by; empty: none."""
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if _strange(device, answer):
            continue
        if _sees_on(answer, attempt, context):
            return f"{device.name} says that the power is on"
        if _awaited(device, attempt, go_at, context) is not None:
            return f"{device.name} has not said yet whether the power is on"
    return ""


def _sees_on(answer: DeviceTry, attempt: Try, context: Context) -> bool:
    """Tell whether a witness says ON, or did beside the level's own OFF and has said nothing since.

    Silence takes nothing back; what it said before they went off is no contradiction.
    """
    clear = _clear(answer)
    if not clear or clear[-1].power is not Power.ON:
        return False
    return answer.readings[-1] is clear[-1] or _beside(clear[-1], attempt, context)


def _beside(reading: Reading, attempt: Try, context: Context) -> bool:
    """Tell whether it was asked for when all devices of the level read OFF already."""
    since = _off_since(attempt, context)
    return since is not None and reading.asked_at.since(since) >= 0


def _off_since(attempt: Try, context: Context) -> Instant | None:
    """Return since when no device of the level has said anything but OFF; None: not all do."""
    level = context.plan.level(attempt.level)
    reads = [_clear(attempt.device(device.name)) for device in (level.devices if level else ())]
    runs = [off_run(clear, clear[0].asked_at) if clear else () for clear in reads]
    if not runs or not all(runs):
        return None
    return max((run[0].answered_at for run in runs), key=lambda at: at.boot_s)


def _clear(answer: DeviceTry) -> list[Reading]:
    return [reading for reading in answer.readings if reading.power is not Power.UNKNOWN]


def testimony(attempt: Try, context: Context) -> Iterator[Reading]:
    """Yield what witnesses of this very host have read."""
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if not _strange(device, answer):
            yield from answer.readings


def seen_on(attempt: Try, since: Instant, context: Context) -> bool:
    """Tell whether a witness has read ON, asked at that moment or later.

    One that is slow was asked before, and beside the level's own OFF: its last clear word counts.
    """
    read = tuple(testimony(attempt, context))
    if any(one.power is Power.ON and one.asked_at.since(since) >= 0 for one in read):
        return True
    answers = (attempt.device(one.name) for one in witnesses(context.plan, attempt.level))
    lasts = [clear[-1] for answer in answers if (clear := _clear(answer))]
    return any(
        last.power is Power.ON and last in read and _beside(last, attempt, context)
        for last in lasts
    )


def ask_witnesses(
    attempt: Try, go_at: Instant, context: Context, calm_s: float | None = None
) -> Iterator[Effect]:
    """Read every witness along, at its pace, once it has said who its host is."""
    every_s = context.policy.read_every_s if calm_s is None else calm_s
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if _strange(device, answer):
            continue
        after = answer.readings[-1].answered_at.plus(every_s) if answer.readings else None
        if after is not None and not context.now.reached(after):
            yield Wait(after)
        elif answer.identity is None:
            yield Identify(attempt.number, attempt.level, device.name)
        else:
            yield Read(attempt.number, attempt.level, device.name, answer.reads)
        until = _awaited(device, attempt, go_at, context)
        if until is not None:
            yield Wait(until)


def _awaited(device: Device, attempt: Try, go_at: Instant, context: Context) -> Instant | None:
    """Return until when a witness is waited for; None: it has spoken, or had its time.

    ON from before the level's own OFF is no word yet of how the host is since.
    """
    clear = _clear(attempt.device(device.name))
    if clear and (clear[-1].power is Power.OFF or _beside(clear[-1], attempt, context)):
        return None
    until = _until(device, attempt, go_at, context)
    return None if context.now.reached(until) else until


def _until(device: Device, attempt: Try, go_at: Instant, context: Context) -> Instant:
    """Return the end of that time: before that of the try, and of a proof's re-reading.

    It begins with the level's own OFF. There is time left for the proof where the witness has lost
    power with its host.
    """
    level, off_since = context.plan.level(attempt.level), _off_since(attempt, context)
    if level is None or off_since is None:
        return go_at
    turns = [attempt.device(one.name).begun_at for one in level.devices]
    here = [at for at in turns if at is not None and at.boot_id == go_at.boot_id]
    began = max((go_at, *here), key=lambda at: at.boot_s)
    slow_s = level.slow_s if go_at == attempt.go_at else 0.0
    hold_s = max(context.policy.off_hold_s, *(one.hold_s for one in level.devices))
    pause_s = context.policy.read_every_s
    left_s = context.policy.off_timeout_s - hold_s - pause_s
    patience_s = max(PATIENCE_S, ANSWERS * device.answer_s + pause_s)
    return min(off_since.plus(patience_s), began.plus(slow_s + left_s), key=lambda at: at.boot_s)


def _strange(device: Device, answer: DeviceTry) -> bool:
    """Tell whether it has answered for a machine that is not the host."""
    return answer.identity is not None and answer.identity.uuid != device.uuid
