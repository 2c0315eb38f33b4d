"""One open incident, driven to its end.

One incident never races with itself. Observations are folded in the order in which they arrive,
what they change is saved, and only then is anything done. Questions weigh less: they may be asked
while the disk is being written, and their answers are saved with the next step that is taken. An
effect counts as running until its own observation has been folded in, and saved if it is to be:
else an unrelated save of that moment would find it due and not running, and do it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from doctor_daemon.core.asking import heeded
from doctor_daemon.core.audit import Line
from doctor_daemon.core.auditing import Done, audited, begun
from doctor_daemon.core.context import Context
from doctor_daemon.core.decide import advance
from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import (
    ASKING,
    CANCELLABLE,
    CHANGING,
    Crashed,
    Effect,
    Elapsed,
    Evacuate,
    Heard,
    Observation,
    Ordered,
    Resumed,
    Wait,
)
from doctor_daemon.engine.change import Said, change, given_out, next_version
from doctor_daemon.engine.inbox import Inbox, Letter
from doctor_daemon.engine.links import Links
from doctor_daemon.engine.perform import Standing, perform
from doctor_daemon.engine.saving import Unsaveable, saved
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary

INBOX_MAX = 1000
"""Statements that wait, covered ones too: past it no letter is taken in."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Closed(Exception):
    """The incident was over when the evidence reached it."""


class Case:
    """The incident of one host, from its opening or its loading until it is over."""

    def __init__(self, incident: Incident, ward: Ward, links: Links) -> None:
        """Take an incident: a new one (version 0) or a saved one."""
        self.incident = incident
        """As it is saved: all that anybody else gets to see, and that gates are asked about."""
        self._state = incident
        """As it is saved, and with the answers to questions since."""
        self._saved = incident if incident.version else None
        self._ward = ward
        self._links = links
        self._inbox = Inbox()
        self._taken: list[Letter] = []
        """The letters of the step that is being taken."""
        self._ahead, self._peeked = incident, 0
        """`_state` with so many of the letters that wait."""
        self._running: dict[Effect, asyncio.Task[None]] = {}
        self._stopping = self._broken = False

    @property
    def waiting(self) -> int:
        """How many observations wait to be folded in."""
        return len(self._inbox.letters)

    def post(self, letter: Letter) -> None:
        """Hand in an observation. Raise Temporary when nothing more is taken in."""
        if self._broken:
            raise Temporary(f"{self.incident.host}: a bug keeps its incident from being saved")
        if self._inbox.statements >= INBOX_MAX:
            raise Temporary(f"{self.incident.host}: too much evidence at once")
        self._inbox.put(letter)

    def stop(self) -> None:
        """Begin nothing more; what changes the world and is under way runs to its end."""
        self._stopping = True
        with contextlib.suppress(Temporary):
            self.post(Letter(Elapsed()))

    async def run(self) -> None:
        """Drive the incident until it is over, or until the daemon stops."""
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._saved is not None:
                    await self._step([Letter(Resumed())], tasks)
                while not self._over():
                    await self._step(await self._letters(), tasks)
        except* Unsaveable:
            self._broken = True
            log.warning("cannot be saved: nothing more is done", host=str(self.incident.host))
        finally:
            self._give_back()

    def _over(self) -> bool:
        return not self._running and (self.incident.phase.final or self._stopping)

    async def _letters(self) -> list[Letter]:
        """Wait for one letter, and for quiet, so that deciding and reserving are one step."""
        await self._inbox.wait()
        await self._ward.quiet(self.incident.host)
        return self._inbox.take()

    async def _step(self, letters: list[Letter], tasks: asyncio.TaskGroup) -> None:
        """Fold, save, and only then do."""
        before, self._taken, rules = self._saved, letters, self._ward.rules
        context = self._ward.context(self._state.host)
        state, heard, orders = self._fold(letters, context)
        self._stand(state)
        wanted = self._due(context)
        lines = self._audited(letters, orders, wanted, context)
        if lines or heard or self._owes(letters, wanted):
            await self._save((heard, lines), wanted, tasks)
            if self._stopping or self._ward.rules is not rules:  # else only time has passed
                wanted = self._due(self._ward.context(self._state.host))
        for letter in letters:
            if letter.effect is not None:
                self._running.pop(letter.effect, None)
            if letter.saved is not None and not letter.saved.done():
                letter.saved.set_result(None)
        self._taken = []
        self._reconcile(wanted, tasks)
        if before is not self._saved:
            await asyncio.sleep(0)  # what was begun and told goes first, the log can wait
            self._links.watch(before, self.incident)

    def _fold(
        self, letters: list[Letter], context: Context
    ) -> tuple[Incident, list[Evidence], list[Ordered]]:
        """Fold all letters in; return the new state, and evidence and orders that are part of it.

        What an answer makes possible is decided with what came after it: it may be a sign of life.
        Somebody who waits no more has been heard all the same.
        """
        incident, heard, orders = self._state, list[Evidence](), list[Ordered]()
        for letter, after in zip(letters, (*letters[1:], None), strict=True):
            if incident.phase.final and letter.saved is not None:
                if not letter.saved.done():
                    letter.saved.set_exception(Closed())
                continue
            more = after is not None and (letter.asked or (letter.answers and after.answers))
            incident = self._advance(incident, letter.observation, context, more=more)
            if isinstance(letter.observation, Heard):
                heard += (*letter.covered, letter.observation.evidence)
            elif isinstance(letter.observation, Ordered):
                orders.append(letter.observation)
        return incident, heard, orders

    def _advance(
        self, incident: Incident, observation: Observation, context: Context, *, more: bool
    ) -> Incident:
        """Fold one observation in. A bug holds this host; the others go on."""
        try:
            return advance(incident, observation, context, more=more)
        except Exception as error:  # noqa: BLE001 - containment: this host is held
            self._links.bug(incident.id, error)
            effect: Effect | None = getattr(observation, "effect", None)
            try:
                return advance(incident, Crashed(type(error).__name__, effect), context)
            except Exception as second:
                # What was done cannot be told any more: it would be due, and done, again.
                self._links.bug(incident.id, second)
                raise Unsaveable from second

    def _audited(
        self,
        letters: list[Letter],
        orders: Sequence[Ordered],
        wanted: Sequence[Effect],
        context: Context,
    ) -> tuple[Line, ...]:
        """Enter in the journal what is to be begun, and what has ended; return what it says."""
        ended = [(one.effect, one.observation) for one in letters if one.effect is not None]
        over = [effect for effect, _ in ended]
        done = Done(
            wanted,
            [effect for effect in self._running if effect not in over],
            ended,
            orders,
            resumed=any(isinstance(one.observation, Resumed) for one in letters),
        )
        try:
            state, lines = audited(self._state, done, context, self._ward.term)
        except Exception as error:
            self._links.bug(self.incident.id, error)
            raise Unsaveable from error
        if lines:
            self._stand(state)
        return lines

    def _stand(self, state: Incident) -> None:
        self._state, self._ahead, self._peeked = state, state, 0

    def _owes(self, letters: list[Letter], wanted: Sequence[Effect]) -> bool:
        """Tell whether the state must be saved before what it wants is done."""
        if self._saved is None or self._saved == self._state:
            return self._saved is None
        answers = all(letter.asked for letter in letters)
        if not answers or self._state.owes(self._saved):
            return True
        return any(isinstance(effect, CHANGING) for effect in wanted)

    async def _save(self, said: Said, wanted: Sequence[Effect], tasks: asyncio.TaskGroup) -> None:
        """Save the state. What it wants to know is asked meanwhile: that changes nothing."""
        incident = next_version(self._saved, self._state)
        try:
            step = change(self._saved, incident, said, self._ward)
        except Exception as error:
            self._links.bug(incident.id, error)
            raise Unsaveable from error
        if not step.notices:  # a notice is not to wait for a question
            for effect in wanted:
                if isinstance(effect, ASKING):
                    self._begin(effect, tasks)
        await saved(step, self._ward, self._links)
        given_out(self._ward, step.notices)
        self.incident = self._saved = incident
        self._stand(incident)
        await self._links.told(step.notices)

    def _due(self, context: Context) -> tuple[Effect, ...]:
        return () if self._stopping else due(self._state, context)

    def _reconcile(self, wanted: Sequence[Effect], tasks: asyncio.TaskGroup) -> None:
        """Begin what is due; cancel the waits that no longer are, and reads that mean nothing."""
        for effect in [e for e in self._running if e not in wanted]:
            idle = self._stopping or not heeded(self._state, effect)
            if idle and isinstance(effect, CANCELLABLE):
                self._running.pop(effect).cancel()
        for effect in wanted:
            self._begin(effect, tasks)

    def _begin(self, effect: Effect, tasks: asyncio.TaskGroup) -> None:
        if effect in self._running:
            return
        if isinstance(effect, CHANGING) and not begun(self._state.journal, effect):
            self._inbox.put(Letter(Elapsed()))  # due since it was saved: first its intent is
            return
        self._running[effect] = tasks.create_task(self._attempt(effect))

    async def _attempt(self, effect: Effect) -> None:
        """Do one effect and post its observation. A bug in an adapter is an observation too."""
        try:
            observation = await perform(effect, self._standing, self._ward, self._tell)
        except Exception as error:  # noqa: BLE001 - containment, as in `_advance`
            self._links.bug(self.incident.id, error)
            observation = Crashed(type(error).__name__, effect)
        if not isinstance(effect, Wait):
            name, outcome = type(effect).__name__, type(observation).__name__
            self._ward.tools.metrics.effects.labels(name, outcome).inc()
        letter = Letter(observation, effect)
        self._inbox.put(letter, gather=self._gathers(letter))

    def _gathers(self, letter: Letter) -> bool:
        """Tell whether an answer is to be read with those of the other requests that are out."""
        if not (letter.answers and self._ward.turnstile.crowded):
            return False
        answered = sum(letter.effect in self._running for letter in self._inbox.letters)
        return answered + 1 < sum(isinstance(effect, Evacuate) for effect in self._running)

    def _tell(self, observation: Observation) -> None:
        self._inbox.put(Letter(observation))

    def _standing(self) -> Standing:
        """Return what is saved, and what has come since, be it that a save keeps it waiting.

        Letters that wait are only looked at: they are folded in when their step is taken. A bug
        in one keeps the effect that asks from being done.
        """
        while self._peeked < len(self._inbox.letters):
            letter = self._inbox.letters[self._peeked]
            if not letter.answers:
                context = self._ward.context(self._state.host)
                self._ahead = advance(self._ahead, letter.observation, context)
            self._peeked += 1
        return Standing(self.incident, self._ahead)

    def _give_back(self) -> None:
        """Let nobody wait for a case that has ended."""
        final, text = self.incident.phase.final, f"{self.incident.host} is not driven any more"
        for letter in (*self._taken, *self._inbox.letters):
            if letter.saved is not None and not letter.saved.done():
                letter.saved.set_exception(Closed() if final else Temporary(text))
        self._taken = []
        self._inbox.take()
