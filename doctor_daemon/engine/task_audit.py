"""Saves the tasks beside the incidents together with what the audit is to say of them.

Nobody knows of a save that was not answered whether it was done. The lines of one are owed then:
they go along with the next save of the same task, and stand in the audit once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from doctor_daemon.core.audit import Line
from doctor_daemon.core.audit_tasks import End, Grounds, Name, T, begun, cut_off, ended, unsaved
from doctor_daemon.core.auditing import proof_said
from doctor_daemon.core.incident import Incident
from doctor_daemon.engine.ward import Ward, concealed
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change

Lines = Sequence[Line]
K = TypeVar("K", bound=Hashable)


class TaskAudit(Generic[K]):
    """The audit of the tasks of one kind, as one keeper has them."""

    def __init__(self, ward: Ward) -> None:
        """Begin with nothing owed."""
        self._ward = ward
        self._owed: dict[K, dict[str, Line]] = {}
        """By what names a task among its kind."""

    def begun(
        self, task: T, names: Iterable[Name], shut: str, incident: Incident | None
    ) -> tuple[T, Lines]:
        """Return a task with these requests open, to be saved before they are sent.

        `shut` is what speaks against it just before; its incident, while that is open, has a proof.
        """
        mine = incident is not None and incident.id == task.incident
        proof = proof_said(incident.proof) if incident is not None and mine else ""
        grounds = Grounds((f"off limits: {shut or 'open'}",), proof)
        return begun(task, names, grounds, self._ward.tools.clock.now(), self._ward.term)

    def ended(self, task: T, ends: Iterable[End]) -> tuple[T, Lines]:
        """Return a task with these requests closed, to be saved."""
        return ended(task, ends, self._ward.tools.clock.now(), self._ward.term)

    def owes(self, key: K, task: T) -> bool:
        """Tell whether a task has lines to be saved before anything new is begun for it.

        Else a store that takes nothing would have more and more of them wait.
        """
        return bool(task.journal.open) or key in self._owed

    def cut_off(self, task: T) -> tuple[T, Lines]:
        """Close what is open though nothing is under way."""
        return cut_off(task, self._ward.tools.clock.now(), self._ward.term)

    async def save(
        self, tasks: Mapping[K, T], change: Change, lines: Lines, keep: Callable[[T], None]
    ) -> None:
        """Commit a change of tasks, with the lines of one of them. Raise what the store raises.

        Where the answer is missing, `keep` is given each task before: the journal that it has then
        is to be kept. Nothing was sent of what was to be, and no number is given out twice.
        """
        said = {line.key: line for line in lines}
        owed = {name: line for key in tasks for name, line in self._owed.get(key, {}).items()}
        audit = tuple(map(concealed, (owed | said).values()))
        try:
            await self._ward.tools.store.commit(replace(change, audit=audit), term=self._ward.term)
        except Temporary:
            for key, task in tasks.items():
                self._put_off(key, task, said, keep)
            raise
        for key in tasks:
            self._owed.pop(key, None)

    def _put_off(self, key: K, task: T, said: dict[str, Line], keep: Callable[[T], None]) -> None:
        """Have the lines of a save that was not answered go along with the next."""
        now, term = self._ward.tools.clock.now(), self._ward.term
        kept, unsent = unsaved(task, said.values(), now, term)
        owed = self._owed.get(key, {}) | said | {line.key: line for line in unsent}
        if owed:
            self._owed[key] = owed
            keep(kept)
