"""Turn one effect into one call, and its end into one observation.

The gates of a call that changes the world are asked here once more, with fresh values, and the
permit that the adapter checks last of all is given here. They are asked about the incident as it is
saved, for nothing else permits anything, and about what has been decided since: that is on its way
to the disk, and may well be that the power is on again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from doctor_daemon.core.context import Context
from doctor_daemon.core.cutting import overtaken as uncut
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import (
    Cut,
    CutEnded,
    Effect,
    Elapsed,
    Evacuate,
    EvacuateEnded,
    Failed,
    Follow,
    Followed,
    ForceDown,
    Identify,
    Inspect,
    Listed,
    ListServers,
    Look,
    Looked,
    Observation,
    PutEnded,
    Read,
    Refused,
    Wait,
)
from doctor_daemon.core.moves import list_needed
from doctor_daemon.core.posting import OVERTAKEN, overtaken
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.retirement import DeleteService, ServiceDeleted, Survey
from doctor_daemon.core.retiring import unwanted
from doctor_daemon.core.returning import superseded
from doctor_daemon.core.tries import Lined, Outcome
from doctor_daemon.core.turns import WAITS
from doctor_daemon.engine.inspecting import inspect
from doctor_daemon.engine.powering import bounded, identify, led_at_device, read
from doctor_daemon.engine.reservekeeper import reserve_settled
from doctor_daemon.engine.survey import survey
from doctor_daemon.engine.turnstile import Turn
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, LateError, Nameless, Permanent
from doctor_daemon.ports import PowerDevice

REASON = "{} the host failed and its power is proven off"
"""What Nova's disabled_reason says; the incident's mark in it tells ours from others'."""

STOPPING = "the daemon is stopping"

ANSWERED = frozenset({Outcome.ACCEPTED, Outcome.REFUSED, Outcome.FORBIDDEN})
"""Nova has dealt with it; anything else says that it, or the way to it, is in trouble."""


def reason_of(incident: Incident) -> str:
    """Return the disabled_reason that marks a service as disabled by this incident."""
    return REASON.format(incident.mark)


@dataclass(frozen=True, slots=True)
class Standing:
    """The incident as it is saved, and as it was decided since: mostly the same."""

    saved: Incident
    decided: Incident


Tell = Callable[[Observation], None]


async def perform(
    effect: Effect, current: Callable[[], Standing], ward: Ward, tell: Tell
) -> Observation:
    """Do what an effect asks. What went wrong outside becomes an observation, never an error.

    `tell` hears what is to be known before its end.
    """
    try:
        return await _perform(effect, current, ward, tell)
    except LateError as error:
        return Refused(effect, "permit" if isinstance(effect, Cut) else "look", str(error))
    except DoctorError as error:
        permanent, nameless = isinstance(error, Permanent), isinstance(error, Nameless)
        return Failed(effect, str(error), permanent=permanent, nameless=nameless)


async def _perform(  # noqa: C901 - one arm for each effect, each of a line or two
    effect: Effect, current: Callable[[], Standing], ward: Ward, tell: Tell
) -> Observation:
    host, nova = current().saved.host, ward.tools.controller
    match effect:
        case Wait(until):
            await ward.tools.clock.sleep_until(until)
            return Elapsed()
        case Look(number):
            return Looked(number, await nova.look(host))
        case Identify():
            return await identify(effect, current().decided, ward)
        case Cut():
            return await _cut(effect, current, ward, tell)
        case Read():
            return await read(effect, host, ward)
        case ForceDown():
            await ward.confirmed()
            shut = _shut(effect, Act.FORCE_DOWN, current(), ward)
            return shut or await _force_down(effect, current().saved, ward)
        case ListServers(number):
            return Listed(number, await nova.servers(host))
        case Inspect(number):
            return await inspect(number, current().saved, ward)
        case Follow(number):
            return await _follow(number, current().saved, ward)
        case Evacuate():
            await reserve_settled(lambda: current().saved, ward)
            async with ward.turnstile.turn(host) as turn:
                await ward.confirmed()
                standing, context = current(), ward.context(host)
                why = STOPPING if ward.stopping else _overtaken(effect, standing, context)
                if why:
                    return Refused(effect, OVERTAKEN, why)
                shut = _shut(effect, Act.EVACUATE, standing, ward, context)
                return shut or await _evacuate(effect, standing.saved, ward, turn)
        case SwitchOn():
            return await _unwanted(effect, Act.SWITCH_ON, current, ward) or await _switch_on(
                effect, current, ward
            )
        case Lift():
            return await _unwanted(effect, Act.LIFT, current, ward) or await _lift(effect, ward)
        case Enable():
            return await _unwanted(effect, Act.ENABLE, current, ward) or await _enable(effect, ward)
        case Survey(number):
            return await survey(number, host, ward)
        case DeleteService():
            return await _unwanted(effect, Act.DELETE, current, ward) or await _delete(effect, ward)
        case _ as unreachable:
            assert_never(unreachable)


def _overtaken(effect: Evacuate, standing: Standing, context: Context) -> str:
    states = (standing.saved, standing.decided)
    return next(filter(None, (overtaken(one, effect, context) for one in states)), "")


def _shut(
    effect: Effect, act: Act, standing: Standing, ward: Ward, context: Context | None = None
) -> Refused | None:
    """Ask every gate of an act, now; `context` is how the world stands now, if it was read."""
    context = context or ward.context(standing.saved.host)
    refusal = refused(act, standing.saved, context)
    if refusal is None and standing.decided is not standing.saved:
        refusal = refused(act, standing.decided, context)
    if refusal is None:
        return None
    ward.tools.metrics.refusals.labels(refusal.gate).inc()
    return Refused(effect, refusal.gate, refusal.why)


async def _unwanted(
    effect: SwitchOn | Lift | Enable | DeleteService,
    act: Act,
    current: Callable[[], Standing],
    ward: Ward,
    *,
    turn: bool = False,
) -> Refused | None:
    """Ask whether it is still wanted, and every gate; with a `turn` of ours nothing is awaited."""
    await (ward.confirm() if turn else ward.confirmed())
    standing = current()
    why = _stale(standing.saved, effect) or _stale(standing.decided, effect)
    return Refused(effect, OVERTAKEN, why) if why else _shut(effect, act, standing, ward)


def _stale(incident: Incident, effect: SwitchOn | Lift | Enable | DeleteService) -> str:
    if isinstance(effect, DeleteService):
        return unwanted(incident, effect)
    return superseded(incident, effect)


async def _cut(effect: Cut, current: Callable[[], Standing], ward: Ward, tell: Tell) -> Observation:
    """Cut, in turn. The gates are asked after the wait for it, and whether it is still wanted."""
    clock, host, waited = ward.tools.clock, current().saved.host, False

    def lined() -> None:
        nonlocal waited
        if not waited:
            waited = True
            tell(Lined(effect.try_, effect.device, clock.now()))

    try:
        async with led_at_device(ward, host, effect.device, lined) as device:
            standing = current()
            why = uncut(standing.saved, effect) or uncut(standing.decided, effect)
            if why:
                return Refused(effect, OVERTAKEN, why)
            shut = _shut(effect, Act.CUT, standing, ward)
            if shut is not None:
                return shut
            if waited:
                tell(Lined(effect.try_, effect.device, clock.now(), over=True))
            outcome, text = await _ended(bounded(device.cut(ward.permit())))
    except LateError:
        raise
    except Permanent as error:  # it has no such device any more
        outcome, text = Outcome.UNSENT, str(error)
    return CutEnded(effect, outcome, text, clock.now())


async def _ended(call: Awaitable[tuple[Outcome, str]]) -> tuple[Outcome, str]:
    """Await a call that changes the world: whatever becomes of it is an outcome."""
    try:
        return await call
    except LateError:
        raise
    except Permanent as error:
        return Outcome.UNSENT, str(error)
    except DoctorError as error:
        return Outcome.UNKNOWN, str(error)


async def _force_down(effect: ForceDown, incident: Incident, ward: Ward) -> Observation:
    call = ward.tools.controller.force_down(
        effect.service, reason_of(incident), ward.permit(), disable=effect.disable
    )
    outcome, text = await _ended(call)
    return PutEnded(effect, outcome, text, ward.tools.clock.now())


async def _follow(number: int, incident: Incident, ward: Ward) -> Observation:
    """Ask how the evacuations stand; where one of ours has ended, who is on the host still."""
    host, rows = incident.host, (await ward.rounds.fresh()).values()
    own = tuple(row for row in rows if row.source == host.name)
    if not list_needed(incident.evacuations.values(), own):
        return Followed(number, own)
    return Followed(number, own, await ward.tools.controller.servers(host))


async def _evacuate(effect: Evacuate, saved: Incident, ward: Ward, turn: Turn) -> Observation:
    record = saved.evacuations[effect.server]
    began = ward.tools.clock.now()
    if not ward.neighbours.claim(saved.host, record, began, ward.rules.policy):
        return Refused(effect, "group", WAITS)
    outcome, text = await _ended(ward.tools.controller.evacuate(effect.server, ward.permit()))
    now = ward.tools.clock.now()
    taken = outcome is Outcome.ACCEPTED
    turn.ended(now.since(began), well=outcome in ANSWERED, taken=taken)
    return EvacuateEnded(effect, outcome, text, now)


async def _switch_on(
    effect: SwitchOn, current: Callable[[], Standing], ward: Ward
) -> SwitchedOn | Refused:
    """Switch on the machine that is meant. To ask who it is may take long: so all is asked anew."""
    clock, host = ward.tools.clock, current().saved.host
    try:
        async with led_at_device(ward, host, effect.device) as device:
            found = (await bounded(device.identify())).uuid
            if found == effect.uuid:
                shut = await _unwanted(effect, Act.SWITCH_ON, current, ward, turn=True)
                return shut or await _switched(effect, device, ward)
            text = f"nothing was sent: it answers for {found}, not for {effect.uuid}"
    except LateError:
        raise
    except DoctorError as error:
        text = f"nothing was sent: {error}"
    return SwitchedOn(effect, Outcome.UNSENT, text, clock.now())


async def _switched(effect: SwitchOn, device: PowerDevice, ward: Ward) -> SwitchedOn:
    outcome, text = await _ended(bounded(device.switch_on(ward.permit())))
    return SwitchedOn(effect, outcome, text, ward.tools.clock.now())


async def _lift(effect: Lift, ward: Ward) -> Observation:
    outcome, text = await _ended(ward.tools.controller.lift(effect.service, ward.permit()))
    return LiftEnded(effect, outcome, text, ward.tools.clock.now())


async def _enable(effect: Enable, ward: Ward) -> Observation:
    outcome, text = await _ended(ward.tools.controller.enable(effect.service, ward.permit()))
    return EnableEnded(effect, outcome, text, ward.tools.clock.now())


async def _delete(effect: DeleteService, ward: Ward) -> Observation:
    call = ward.tools.controller.delete_service(effect.service, ward.permit())
    outcome, text = await _ended(call)
    return ServiceDeleted(effect, outcome, text, ward.tools.clock.now())
