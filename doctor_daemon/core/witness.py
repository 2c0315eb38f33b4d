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
from doctor_daemon.core.tries import READINGS_MAX, DeviceTry, Try

PATIENCE_S = 5.0
"""From the cut's answer on, how long a proof waits at least for a witness to speak clearly."""
ANSWERS = 2
"""So many answers are waited for: who its host is, and how that is. One that failed before the cut
is asked the same once more, and is given half of that time."""
SHARE = 0.75
"""No longer than this share of the time in which the try has to prove the host off: where a witness
has lost power with its host, there is still time for the proof."""


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
        if not _clear(answer) and not context.now.reached(_until(device, attempt, go_at, context)):
            return f"{device.name} has not said yet whether the power is on"
    return ""


def _sees_on(answer: DeviceTry, attempt: Try, context: Context) -> bool:
    """Tell whether a witness says ON, or did beside the level's own OFF and has said nothing since.

    Silence takes nothing back; what it said before they went off is no contradiction.
    """
    clear = _clear(answer)
    if not clear or clear[-1].power is not Power.ON:
        return False
    level = context.plan.level(attempt.level)
    reads = [attempt.device(device.name).readings for device in (level.devices if level else ())]
    runs = [off_run(readings, readings[0].asked_at) if readings else () for readings in reads]
    beside = all(
        # of a long run the beginning is not kept
        len(run) == READINGS_MAX or (run and clear[-1].asked_at.since(run[0].answered_at) >= 0)
        for run in runs
    )
    return beside or answer.readings[-1] is clear[-1]


def _clear(answer: DeviceTry) -> list[Reading]:
    return [reading for reading in answer.readings if reading.power is not Power.UNKNOWN]


def testimony(attempt: Try, context: Context) -> Iterator[Reading]:
    """Yield what witnesses of this very host have read."""
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if not _strange(device, answer):
            yield from answer.readings


def seen_on(attempt: Try, since: Instant, context: Context) -> bool:
    """Tell whether a witness has read ON, asked at that moment or later."""
    return any(
        reading.power is Power.ON and reading.asked_at.since(since) >= 0
        for reading in testimony(attempt, context)
    )


def meet_witnesses(attempt: Try, context: Context) -> Iterator[Effect]:
    """Ask every witness who its host is, before the cut; nothing waits for the answer."""
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if answer.identity is None and not answer.failure:
            yield Identify(attempt.number, attempt.level, device.name)


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
        until = _until(device, attempt, go_at, context)
        if not _clear(answer) and not context.now.reached(until):
            yield Wait(until)


def _until(device: Device, attempt: Try, go_at: Instant, context: Context) -> Instant:
    """Return until when a witness is waited for: after a restart everything is read anew."""
    level = context.plan.level(attempt.level)
    own = [attempt.device(one.name) for one in (level.devices if level else ())]
    steps = [at for one in own for at in (one.begun_at, one.cut_at) if at is not None]
    began = max((go_at, *steps), key=_boot_s)
    slow_s = level.slow_s if level else 0.0
    end = began.plus(SHARE * (context.policy.off_timeout_s + slow_s))
    answers = 1 if attempt.device(device.name).failure else ANSWERS
    return min(began.plus(max(PATIENCE_S, answers * device.answer_s)), end, key=_boot_s)


def _boot_s(at: Instant) -> float:
    return at.boot_s


def _strange(device: Device, answer: DeviceTry) -> bool:
    """Tell whether it has answered for a machine that is not the host."""
    return answer.identity is not None and answer.identity.uuid != device.uuid
