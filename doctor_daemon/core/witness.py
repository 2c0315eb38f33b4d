"""Witnesses: devices of other levels that tell how the host itself is, and may contradict a proof.

A level proves the host off by its own devices. A BMC that lies consistently, or an outlet that
feeds another machine, is found out by a second device that still sees the host on. So those of the
other levels that read the host's own power are read along: an ON of one of them stands against the
proof. One that is another machine's says nothing. One that is silent may have lost power itself, or
be slow: it is given the time in which a living one answers, errors in between notwithstanding.

What the level read before a witness has said ON last is no part of a proof, be it that the witness
says OFF by now: its OFF was not true, or the host was off for a moment only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def contradicting(attempt: Try, since: Instant, context: Context, *, anew: bool = False) -> str:
    """Say which witness contradicts a proof, or is waited for; empty: none.

    `anew`: the level is read once more since then, and each witness has its time again.
    """
    return says_on(attempt, context) or unheard(attempt, since, context, anew=anew)


def says_on(attempt: Try, context: Context) -> str:
    """Say which witness sees the power on; empty: none."""
    for device, answer in _honest(attempt, context):
        if _sees_on(answer, attempt, context):
            return f"{device.name} says that the power is on"
    return ""


def unheard(attempt: Try, since: Instant, context: Context, *, anew: bool = False) -> str:
    """Say which witness has not spoken since then, and still has time to; empty: none."""
    for device, _ in _honest(attempt, context):
        if _awaited(device, attempt, since, context, anew=anew) is not None:
            return f"{device.name} has not said yet whether the power is on"
    return ""


def _honest(attempt: Try, context: Context) -> Iterator[tuple[Device, DeviceTry]]:
    """Yield the witnesses but those that have answered for a machine that is not the host."""
    for device in witnesses(context.plan, attempt.level):
        answer = attempt.device(device.name)
        if answer.identity is None or answer.identity.uuid == device.uuid:
            yield device, answer


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


def first_offs(attempt: Try, context: Context) -> tuple[Reading, ...]:
    """Return with what each device of the level began to say nothing but OFF; empty: not all do.

    An error in between is no word, and ends nothing.
    """
    level = context.plan.level(attempt.level)
    reads = [_clear(attempt.device(device.name)) for device in (level.devices if level else ())]
    runs = [off_run(clear, clear[0].asked_at) if clear else () for clear in reads]
    return tuple(run[0] for run in runs) if all(runs) else ()


def off_asked(attempt: Try, context: Context) -> Instant | None:
    """Return when the device was asked that was the last to say OFF; None: not all do.

    That may have been before a reboot, unless one has said ON since.
    """
    firsts = (first.asked_at for first in first_offs(attempt, context))
    before = None if own_ons(attempt, context) else attempt.off_at
    return before or max(firsts, key=lambda at: at.boot_s, default=None)


def _cuts(attempt: Try, context: Context) -> list[Instant]:
    """Return when the cuts of the level's devices were answered."""
    level = context.plan.level(attempt.level)
    own = (attempt.device(device.name).cut_at for device in (level.devices if level else ()))
    return [cut_at for cut_at in own if cut_at is not None]


def own_ons(attempt: Try, context: Context) -> list[Instant]:
    """Return when devices of the level were asked that said ON."""
    level = context.plan.level(attempt.level)
    own = (attempt.device(device.name) for device in (level.devices if level else ()))
    return [one.asked_at for answer in own for one in answer.readings if one.power is Power.ON]


def _off_since(attempt: Try, context: Context) -> Instant | None:
    """Return since when no device of the level has said anything but OFF; None: not all do."""
    firsts = (first.answered_at for first in first_offs(attempt, context))
    return max(firsts, key=lambda at: at.boot_s, default=None)


def _clear(answer: DeviceTry) -> list[Reading]:
    return [reading for reading in answer.readings if reading.power is not Power.UNKNOWN]


def testimony(attempt: Try, context: Context) -> Iterator[Reading]:
    """Yield what witnesses of this very host have read."""
    for _, answer in _honest(attempt, context):
        yield from answer.readings


def undenied(readings: Sequence[Reading], attempt: Try, context: Context) -> tuple[Reading, ...]:
    """Return the readings that were asked for once no witness could see the host on any more.

    That may have been until the answer: a slow one does not say when it looked.
    """
    ons = [one.answered_at for one in testimony(attempt, context) if one.power is Power.ON]
    return tuple(one for one in readings if all(one.asked_at.since(on) >= 0 for on in ons))


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
    attempt: Try,
    since: Instant,
    context: Context,
    calm_s: float | None = None,
    *,
    anew: bool = False,
) -> Iterator[Effect]:
    """Read every witness along, at its pace, once it has said who its host is.

    `calm_s` is the pace of one that has spoken, where a proof is only guarded.
    """
    for device, answer in _honest(attempt, context):
        after = _paced(answer, context, calm_s)
        if after is not None and not context.now.reached(after):
            yield Wait(after)
        elif answer.identity is None:
            yield Identify(attempt.number, attempt.level, device.name)
        else:
            yield Read(attempt.number, attempt.level, device.name, answer.reads)
        until = _awaited(device, attempt, since, context, anew=anew)
        if until is not None:
            yield Wait(until)


def _paced(answer: DeviceTry, context: Context, calm_s: float | None) -> Instant | None:
    if not answer.readings:
        return None
    last = answer.readings[-1]
    if calm_s is None or last.power is Power.UNKNOWN:
        return last.answered_at.plus(context.policy.read_every_s)
    return last.answered_at.plus(calm_s)


def _awaited(
    device: Device, attempt: Try, since: Instant, context: Context, *, anew: bool
) -> Instant | None:
    """Return until when a witness is waited for; None: it has spoken since, or had its time.

    That begins with the level's own OFF, however late it comes, and anew with each reading again,
    with a pause of our own, and with a restart, by which its cuts count as answered only then.
    """
    clear, off_since = _clear(attempt.device(device.name)), _off_since(attempt, context)
    if off_since is None or (clear and _is_word(clear[-1], attempt, since, context)):
        return None
    patience_s = max(PATIENCE_S, ANSWERS * device.answer_s + context.policy.read_every_s)
    moments = (off_since, since if anew else off_since, *_cuts(attempt, context))
    same_boot = (at for at in moments if at.boot_id == off_since.boot_id)
    last = max(same_boot, key=lambda at: at.boot_s)
    until = context.anew(last).plus(patience_s)
    return None if context.now.reached(until) else until


def _is_word(reading: Reading, attempt: Try, since: Instant, context: Context) -> bool:
    """Tell whether it says how the host is since then, and since the level said ON last.

    ON from before the level's own OFF is no word yet.
    """
    if reading.power is Power.ON:
        return _beside(reading, attempt, context)
    moments = (context.anew(since), *_cuts(attempt, context), *own_ons(attempt, context))
    return all(reading.asked_at.since(moment) >= 0 for moment in moments)
