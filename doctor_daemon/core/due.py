"""What is to be done now, from the incident alone.

Nothing here depends on the observation that led to a state, so a daemon that starts anew asks `due`
and carries on. The effects come in a stable order, and a wait is always for a moment to come: what
time alone brings about has been settled before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import assert_never

from doctor_daemon.core.asking import (
    ask_evacuations,
    ask_look,
    ask_read,
    hold_proof,
    look_along,
    looked,
    unlooked,
)
from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import wakes_at
from doctor_daemon.core.cutting import ends_at
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.fencing import seen, spanned_at, unknown_devices
from doctor_daemon.core.going_on import goes_on_at
from doctor_daemon.core.guard import gives_up_at
from doctor_daemon.core.host import Level
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.lone_service import see_service
from doctor_daemon.core.marking import current
from doctor_daemon.core.messages import (
    Cut,
    Effect,
    Evacuate,
    Follow,
    ForceDown,
    Identify,
    Inspect,
    ListServers,
    Wait,
)
from doctor_daemon.core.moves import OPEN_ENDED, unclear_to
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.ranks import place
from doctor_daemon.core.release import Enable, Lift, Step, SwitchOn
from doctor_daemon.core.releasing import moments
from doctor_daemon.core.retiring import retires
from doctor_daemon.core.suspicion import decides_at
from doctor_daemon.core.switching import ends_at as wish_ends_at
from doctor_daemon.core.switching import switches
from doctor_daemon.core.tries import Try
from doctor_daemon.core.waiting import asks_again, ends_waiting, waits
from doctor_daemon.core.witness import ask_witnesses

SHARE = 0.4
"""Of the age at which a look is too old for a cut: so often is looked while one waits its turn."""
FOLLOWED = (Stage.WAITING, Stage.CHECKING, Stage.UNDER_WAY)


def due(incident: Incident, context: Context) -> tuple[Effect, ...]:
    """What is to be done now, from the incident alone, in order. A wait is always for later."""
    if incident.phase.final:
        return ()
    until = incident.retry_at
    if until is None or context.now.reached(until):
        return tuple(_due(incident, context))
    if incident.phase is Phase.FORCING_DOWN:  # Nova is left in peace, and the power read on
        return (Wait(until), *hold_proof(incident, context))
    return (Wait(until), *unlooked(incident, context))


def _due(incident: Incident, context: Context) -> Iterator[Effect]:
    match incident.phase:
        case Phase.SUSPECTED:
            yield from _suspect(incident, context)
        case Phase.FENCING:
            yield from _fence(incident, context)
        case Phase.FORCING_DOWN:
            yield from _force_down(incident, context)
        case Phase.EVACUATING:
            yield from _evacuate(incident, context)
        case Phase.DOWN:
            if incident.listings >= 0:
                yield ListServers(incident.listings)
            yield from _close(incident, context)
            yield from _awaits(incident, context)
            yield from _switch(incident, context)
            yield from retires(incident, context)
        case Phase.RELEASING:
            yield from _release(incident, context)
        case Phase.HELD | Phase.RESOLVED | Phase.DISMISSED:
            yield from _close(incident, context)
            yield from map(Wait, goes_on_at(incident, context))
        case _ as unreachable:
            assert_never(unreachable)


def _suspect(incident: Incident, context: Context) -> Iterator[Effect]:
    yield Wait(decides_at(incident, context))
    if incident.sighting is None:
        yield ask_look(incident, context)
    elif incident.service_since is not None:
        yield see_service(incident, incident.sighting, context)


def _close(incident: Incident, context: Context) -> Iterator[Effect]:
    if incident.closing is not None:
        yield ask_look(incident, context)


def _fence(incident: Incident, context: Context) -> Iterator[Effect]:
    attempt = incident.fencing
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is None or level is None:
        return
    yield Wait(incident.progress_at.plus(context.policy.progress_s))
    if waits(incident):
        yield from unlooked(incident, context)
        yield from map(Wait, ends_waiting(incident, context))
        return
    if attempt.go_at is None:
        yield from _prepare(incident, attempt, level, context)
        return
    ends = ends_at(attempt, level, context)
    if ends is not None and not context.now.reached(ends):
        yield Wait(ends)
    answers = {device.name: attempt.device(device.name) for device in level.devices}
    for name, answer in answers.items():
        if answer.cut is None and not answer.shut:
            yield Cut(attempt.number, attempt.level, name)
    yield from ask_read(attempt, level, context)
    yield from ask_witnesses(attempt, attempt.go_at, context)
    if all(answer.cut for answer in answers.values()):
        yield look_along(incident, context, context.policy.read_every_s)
    elif any(answer.lined for answer in answers.values()):
        yield look_along(incident, context, context.policy.look_age_s * SHARE)


def _prepare(incident: Incident, attempt: Try, level: Level, context: Context) -> Iterator[Effect]:
    yield from map(Wait, filter(None, (wakes_at(incident, context),)))
    unknown = tuple(unknown_devices(attempt, level))
    yield from (Identify(attempt.number, attempt.level, device.name) for device in unknown)
    spans_at, look = spanned_at(incident, context), incident.sighting
    if look is not None and spans_at is not None and not context.now.reached(spans_at):
        yield Wait(spans_at)
        return
    once = look is not None and look.asked_at.since(attempt.since) >= 0
    spanned = spans_at is None or (look is not None and look.asked_at.reached(spans_at))
    ask = not once or not spanned or (not unknown and not seen(incident, attempt, context))
    if ask and (incident.first is None or not (unknown and asks_again(incident))):
        yield ask_look(incident, context)


def _force_down(incident: Incident, context: Context) -> Iterator[Effect]:
    marking, look = incident.marking, incident.sighting
    yield from hold_proof(incident, context)
    if incident.proof is None or marking.rereading_since is not None:
        return
    if marking.disable is not None and marking.put is None and looked(incident, context):
        yield ForceDown(marking.number, incident.service, marking.disable)
    elif look is None or not current(incident, look, context):
        yield ask_look(incident, context)


def _evacuate(incident: Incident, context: Context) -> Iterator[Effect]:
    yield from _next(incident, context)
    yield from _guard(incident, context)
    yield look_along(incident, context, context.policy.flag_age_s / 3)
    posting = [one for one in incident.evacuations.values() if one.stage is Stage.POSTING]
    for record in sorted(posting, key=place):
        yield Evacuate(record.server.id, record.attempt)
    yield from _ask(incident, context)


def _next(incident: Incident, context: Context) -> Iterator[Effect]:
    """Wait for the next moment at which time alone brings something about."""
    moments = [incident.progress_at.plus(context.policy.progress_s)]
    proof, since = incident.proof, incident.rounds.guarded_from
    if proof is not None and since is not None:
        moments += [proof.valid_until, gives_up_at(proof, since, context)]
    moments += _of_records(incident, context)
    ahead = [moment for moment in moments if not context.now.reached(moment)]
    if ahead:
        yield Wait(min(ahead, key=lambda moment: moment.boot_s))


def _of_records(incident: Incident, context: Context) -> Iterator[Instant]:
    """Yield the next moment of those who wait, and of those whose outcome is waited for.

    There may be hundreds of the last, and each has the same time: the oldest that has any left will
    do. Those that are come by before it are told too, which does no harm.
    """
    oldest_s = math.inf
    for record in incident.evacuations.values():
        if record.stage is Stage.WAITING:
            both = (record.not_before, record.hold_until)
            yield from (moment for moment in both if moment is not None)
        elif record.stage in OPEN_ENDED and record.since.boot_s < oldest_s:
            until = record.since.plus(context.policy.evacuation_timeout_s)
            if not context.now.reached(until):
                oldest_s = record.since.boot_s
                yield until


def _guard(incident: Incident, context: Context) -> Iterator[Effect]:
    """Read the power on: as in fencing until the proof is renewed, calmly after that."""
    attempt, proof, since = incident.fencing, incident.proof, incident.rounds.guarded_from
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is None or level is None or proof is None or since is None:
        return
    renewed = context.anew(since).since(proof.taken_at) < 0
    every_s = context.policy.guard_every_s if renewed else None
    yield from ask_read(attempt, level, context, every_s)
    yield from ask_witnesses(attempt, since, context, every_s)


def _ask(incident: Incident, context: Context) -> Iterator[Effect]:
    """Ask Nova, at its pace: for everything where anything is unclear, else for what changed."""
    rounds, records = incident.rounds, incident.evacuations.values()
    checking = [record for record in records if record.stage is Stage.CHECKING]
    unclear = rounds.inspected_at is None or any(
        unclear_to(record, rounds.inspected_at, context) for record in checking
    )
    if not unclear and not any(record.stage in FOLLOWED for record in records):
        return
    if rounds.ask_at is not None and not context.now.reached(rounds.ask_at):
        yield Wait(rounds.ask_at)
    elif unclear:
        yield Inspect(rounds.inspections)
    else:
        yield Follow(rounds.follows)


def _release(incident: Incident, context: Context) -> Iterator[Effect]:
    """Send the request that is journalled, read it back, or ask for what is to be shown."""
    release = incident.release
    ahead = [at for at in moments(incident, context) if not context.now.reached(at)]
    if ahead:
        yield Wait(min(ahead, key=lambda moment: moment.boot_s))
    match release.step:
        case Step.LIFTING if release.put is None:
            yield Lift(release.number, incident.service)
        case Step.ENABLING if release.put is None:
            yield Enable(release.number, incident.service)
        case Step.LIFTING | Step.ENABLING:
            yield ask_look(incident, context)
        case _:
            yield ask_look(incident, context)
            yield ask_evacuations(incident, context)
    if release.step is Step.CHECKING:
        yield from _see_power(incident, context)
    yield from _switch_on(incident, context)


def _see_power(incident: Incident, context: Context) -> Iterator[Effect]:
    attempt = incident.fencing
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is not None and level is not None:
        yield from ask_read(attempt, level, context, context.policy.release_every_s)


def _awaits(incident: Incident, context: Context) -> Iterator[Effect]:
    """Wait until a human is asked about a host that is on, or not forced down, for no good."""
    since = (incident.release.gone_at, incident.release.awaited_at)
    until = [moment.plus(context.policy.progress_s) for moment in since if moment is not None]
    yield from (Wait(moment) for moment in until if not context.now.reached(moment))


def _switch(incident: Incident, context: Context) -> Iterator[Effect]:
    """Ask Nova, and then switch on, while that is wanted of a host that is down."""
    wish = incident.release.switching
    if wish is not None and wish.not_before and not context.now.reached(wish.not_before):
        yield Wait(wish.not_before)
    elif wish is not None and wish.go_at is None:
        yield Wait(wish_ends_at(wish, context))
        yield ask_evacuations(incident, context)
    yield from _switch_on(incident, context)


def _switch_on(incident: Incident, context: Context) -> Iterator[Effect]:
    wish = incident.release.switching
    if wish is None or wish.go_at is None:
        return
    for level, device in switches(incident, context.plan):
        if device.name not in wish.answered:
            yield SwitchOn(wish.number, level, device.name, device.uuid)
