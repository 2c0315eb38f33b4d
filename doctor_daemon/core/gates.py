"""The gates: named reasons not to act now, and the one table of which gate stops which effect.

A gate is a pure function of the incident and its context that returns nothing when it is open and
a sentence when it is shut. All gates of an effect are asked at the decision and again, with fresh
values, immediately before the effect: whatever an operator or the world changed in between counts.
Later gates are added to `GATES`; the mechanism stays. Where a gate `waits`, because time may open
it, the cut waits, and the incident is held only when that lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core import contradiction, self_gates, vacancy, word_gates
from doctor_daemon.core import fleet_gates as fleet
from doctor_daemon.core import preconditions as needs
from doctor_daemon.core.budget import spent
from doctor_daemon.core.context import Context
from doctor_daemon.core.dumping import writing
from doctor_daemon.core.host import HostPlan, Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.proof import ProofKind


class Act(StrEnum):
    """What a gate can stop."""

    CUT = "cut"
    FORCE_DOWN = "force_down"
    EVACUATE = "evacuate"
    SWITCH_ON = "switch_on"
    LIFT = "lift"
    ENABLE = "enable"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A shut gate, in words. `retry`: the incident can open it by itself, by asking again.

    `waits`: it may open by itself, and a cut waits for that.
    """

    gate: str
    why: str
    frees: str
    retry: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: `shut` returns why it is shut, or an empty text; `frees` says what opens it."""

    name: str
    stops: frozenset[Act]
    shut: Callable[[Incident, Context], str]
    frees: str
    retry: bool = False
    waits: bool = False
    """Whether a cut waits until it opens, as `waiting` has it, before a human is asked."""


def _inventory(incident: Incident, context: Context) -> str:
    if not context.plan.known:
        return f"{incident.host} is not in the configuration"
    return ""


def _armed(_: Incident, context: Context) -> str:
    if context.armed.on:
        return ""
    by = f" by {context.armed.by}" if context.armed.by else ""
    return f"the daemon is disarmed{by}: {context.armed.why}"


def _mode(incident: Incident, context: Context) -> str:
    mode = min(context.mode, context.plan.mode)
    if mode >= Mode.FENCE:
        return ""
    return (
        f"mode is {mode.name.lower()}: would have cut the power of {incident.host} by "
        f"{would_cut(context.plan)}, proven it off and forced it down"
    )


def _evacuating(incident: Incident, context: Context) -> str:
    if min(context.mode, context.plan.mode) >= Mode.EVACUATE:
        return ""
    return f"the mode of {incident.host} does not reach as far as evacuate any more"


def would_cut(plan: HostPlan) -> str:
    """Describe the levels of a topology in the order in which they would be tried."""
    levels = ("+".join(f"{d.kind} {d.name}" for d in level.devices) for level in plan.levels)
    return ", then ".join(text or "a human" for text in levels) or "nothing (no level configured)"


def _protected(incident: Incident, context: Context) -> str:
    if context.plan.protected:
        return f"{incident.host} is protected: {context.plan.protected}"
    return ""


def _maintenance(incident: Incident, context: Context) -> str:
    window = context.maintenance
    if window is None or context.now.reached(window.until):
        return ""
    return f"{incident.host} is in maintenance by {window.by}: {window.why}"


def _look(incident: Incident, context: Context) -> str:
    limit = context.policy.look_age_s
    if incident.sighting and context.now.since(incident.sighting.asked_at) <= limit:
        return ""
    return f"{incident.host} has not been looked at in the last {limit:g} s"


def _identity(incident: Incident, context: Context) -> str:
    fencing = incident.fencing
    level = context.plan.level(fencing.level) if fencing else None
    if fencing is None or level is None or level.manual:
        return f"no power device of {incident.host} is being used"
    for device in level.devices:
        identity = fencing.device(device.name).identity
        if identity is None:
            return f"{device.name} has not said who its host is"
        if identity.uuid != device.uuid:
            return f"{device.name} answers for {identity.uuid}, {incident.host} is {device.uuid}"
    return ""


def _proof(incident: Incident, context: Context) -> str:
    proof = incident.proof
    if proof is None or proof.incident != incident.id:
        return f"there is no proof that {incident.host} is off"
    if proof.kind is ProofKind.POWER and proof.digest != context.plan.digest:
        return f"the power devices of {incident.host} were changed since the proof"
    if context.now.since(proof.taken_at) < 0 or context.now.reached(proof.valid_until):
        return f"the proof that {incident.host} is off is too old"
    renew_from = incident.rounds.renew_from
    old = renew_from is not None and proof.taken_at.since(renew_from) < 0
    old = old or context.anew(proof.taken_at) != proof.taken_at
    if old and proof.kind is ProofKind.POWER:
        return f"the power of {incident.host} has not been read since the daemon was away"
    if incident.life_at is not None and incident.life_at.since(proof.taken_at) >= 0:
        return f"{incident.host} was heard alive after the proof"
    if incident.release.switched_since(proof.taken_at):
        return f"{incident.host} was switched on after the proof"
    return ""


def _flag_age(incident: Incident, context: Context) -> str:
    limit, look = context.policy.flag_age_s, incident.sighting
    if look is not None and context.now.since(look.asked_at) <= limit:
        return ""
    return f"forced_down of {incident.host} has not been read back in the last {limit:g} s"


def _flag(incident: Incident, _: Context) -> str:
    look = incident.sighting
    if look is None or (look.forced_down and look.state == "down"):
        return ""
    return f"Nova does not have {incident.host} forced down any more"


_ALL = frozenset(Act)
_HARM = frozenset({Act.CUT, Act.FORCE_DOWN, Act.EVACUATE, Act.DELETE})
_CUT = frozenset({Act.CUT})
_SEEN = frozenset({Act.CUT, Act.LIFT, Act.ENABLE})
_ON = frozenset({Act.SWITCH_ON, Act.LIFT})
_POWER = frozenset({Act.SWITCH_ON})
_LIFT = frozenset({Act.LIFT})
_BACK = frozenset({Act.LIFT, Act.ENABLE})
_MUST = frozenset({Act.CUT, Act.FORCE_DOWN, Act.EVACUATE})
_PROVEN = frozenset({Act.FORCE_DOWN, Act.EVACUATE})
_MOVE = frozenset({Act.EVACUATE})
_GONE = frozenset({Act.DELETE})
_AGAIN = "then `doctor-daemon fence HOST` takes it up again"
_DOWN = "`doctor-daemon fence HOST`, if it is really down"
_RELEASED = "it opens once that is over for a while, or by `doctor-daemon release-hosts N`"

GATES: tuple[Gate, ...] = (
    Gate("inventory", _ALL, _inventory, f"configure the host; {_AGAIN}"),
    Gate("mode", _ALL, _mode, f"raise the mode in the configuration; {_AGAIN}"),
    Gate("armed", _ALL, _armed, f"`doctor-daemon arm`; {_AGAIN}"),
    Gate("protected", _HARM, _protected, "a human must see to this host"),
    Gate("ourselves", _HARM, self_gates.ourselves, "another daemon, or a human, must see to it"),
    Gate("controller", _HARM, self_gates.controller, "a human must see to this host"),
    Gate("maintenance", _HARM, _maintenance, f"end the maintenance; {_AGAIN}"),
    Gate("warm-up", _CUT, fleet.warming_up, "it goes on by itself", waits=True),
    Gate("repeated", _CUT, word_gates.repeated, f"it goes on once they do; or {_DOWN}", waits=True),
    Gate("evidence", _CUT, word_gates.evidence, _DOWN),
    Gate(contradiction.GATE, _CUT, contradiction.contradicted, contradiction.FREES),
    Gate("look", _SEEN, _look, _AGAIN, retry=True),
    Gate("disabled", _CUT, fleet.disabled, f"ask who disabled it, or enable it; {_AGAIN}"),
    Gate("relapsed", _CUT, fleet.relapsed, f"find out why it fails; {_AGAIN}"),
    Gate("settling", _CUT, fleet.resting, "it goes on by itself", waits=True),
    Gate("dumping", _CUT, writing, "it goes on by itself", waits=True),
    Gate("identity", _CUT, _identity, f"mend the topology; {_AGAIN}"),
    Gate("mass", _CUT, fleet.mass_failure, _RELEASED, waits=True),
    Gate("budget", _CUT, spent, f"wait, or see what is failing; {_AGAIN}"),
    Gate("roster", _CUT, self_gates.untold, f"it is asked again; {_AGAIN}", waits=True),
    Gate(
        "pause",
        _MUST,
        self_gates.asleep,
        f"it is looked at again; {_AGAIN}",
        retry=True,
        waits=True,
    ),
    Gate("isolation", _CUT, self_gates.isolated, f"mend what is said; {_AGAIN}", waits=True),
    Gate("proof", _PROVEN, _proof, _AGAIN, retry=True),
    Gate("evacuate", _MOVE, _evacuating, f"raise the mode in the configuration; {_AGAIN}"),
    Gate("readback", _MOVE, _flag_age, _AGAIN, retry=True),
    Gate("flag", _MOVE, _flag, f"find out who cleared the flag; {_AGAIN}"),
    Gate("alive", _LIFT, needs.alive, "power it on: `doctor-daemon power-on HOST`", retry=True),
    Gate("accused", _BACK, needs.unaccused, "see whether it is down, and who says so", retry=True),
    Gate("restarted", _BACK, needs.restarted, "start nova-compute there", retry=True),
    Gate("unattended", _POWER, needs.unattended, "`doctor-daemon power-on HOST` asks for less"),
    Gate("listed", _ON, needs.listed, "it is asked again", retry=True),
    Gate("ended", _ON, needs.ended, "wait for them, and see what keeps them"),
    Gate("stale", _ON, needs.unstuck, "evacuate their servers while it is off, or delete them"),
    Gate("cleaned", _LIFT, needs.cleaned, "restart nova-compute there", retry=True),
    Gate(
        "quarantine", _LIFT, needs.quarantined, "wait, or `doctor-daemon release HOST`", retry=True
    ),
    Gate("flaps", _LIFT, needs.flapped, "find out why; then `doctor-daemon release HOST`"),
    Gate("ours", _LIFT, needs.flag_is_ours, "ask who forced it down"),
    Gate("reason", frozenset({Act.ENABLE}), needs.disabled_by_us, "ask who disabled it"),
    Gate("asleep", _GONE, vacancy.asleep, "see whether it lives, and who switched it on"),
    Gate("off", _GONE, vacancy.off, "it is read again", retry=True),
    Gate("surveyed", _GONE, vacancy.surveyed, "it is asked again", retry=True),
    Gate("marked", _GONE, vacancy.marked, "find out who cleared the flag"),
    Gate("vacant", _GONE, vacancy.vacant, "move them, or delete them"),
    Gate("unmoved", _GONE, vacancy.unmoved, "wait for them, and see what keeps them"),
)
"""Every gate, in the order in which they are asked and told."""


def verdicts(act: Act, incident: Incident, context: Context) -> tuple[tuple[Gate, str], ...]:
    """Ask every gate of an act; an empty text means open. For explanations."""
    return tuple((gate, gate.shut(incident, context)) for gate in GATES if act in gate.stops)


def refused(act: Act, incident: Incident, context: Context) -> Refusal | None:
    """Return the first shut gate of an act, or None when all are open."""
    for gate, why in verdicts(act, incident, context):
        if why:
            return Refusal(gate.name, why, gate.frees, gate.retry, gate.waits)
    return None


def needs_pass(incident: Incident, context: Context) -> bool:
    """Tell whether a cut is possible only by a human's word for several hosts."""
    without = replace(context, passes_left=0)
    return bool(fleet.mass_failure(incident, without) or spent(incident, without))


def waited_for(act: Act, incident: Incident, context: Context) -> Refusal | None:
    """Return the first shut gate of those that are waited for; the others say nothing here."""
    for gate in GATES:
        if gate.waits and act in gate.stops and (why := gate.shut(incident, context)):
            return Refusal(gate.name, why, gate.frees, gate.retry, gate.waits)
    return None


def gate_waited_for(name: str) -> Gate | None:
    """Return the gate of a name, if a cut waits before it."""
    return next((gate for gate in GATES if gate.waits and gate.name == name), None)
