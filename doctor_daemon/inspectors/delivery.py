"""One delivery: what was made of each statement of a request, handed in and answered for.

A statement is evidence, or is of no concern (accepted, logged, no action), or is refused. A request
whose statements are partly good is not lost because of the others; one of which nothing can be used
is refused, with the reason for each. Nothing of a refused request is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.host import HostId
from doctor_daemon.inspectors.order import Retractions
from doctor_daemon.inspectors.wire import NAME_MAX, shown
from doctor_daemon.ports import Intake, Receipt
from doctor_daemon.ports.intake import Narrow, foreign
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LATE = "the source has taken it back since, by its own clock"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A statement that is no concern of ours, and why."""

    reason: str


Judged = Evidence | Ignored | Refusal
"""What was made of one statement."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one statement: a receipt's outcome, or late | ignored | refused."""

    outcome: str
    host: str = ""
    incident: str = ""
    reason: str = ""
    error: Refusal | None = None

    def said(self) -> Mapping[str, object]:
        """Return the answer as plain data, without what is empty."""
        said = {"outcome": self.outcome, "host": self.host, "incident": self.incident}
        told: dict[str, object] = {name: text for name, text in said.items() if text}
        if self.reason:
            told["reason"] = self.reason
        if self.error is not None:
            told["error"] = self.error.said()
        return told


class Delivery:
    """Hands one source's statements in."""

    def __init__(self, source: str, evidence_age_s: float, *, whole: bool = False) -> None:
        """Take what is good in a request; with `whole`, refuse it if anything is wrong in it."""
        self._log = log.bind(source=source)
        self._retractions = Retractions(evidence_age_s)
        self._whole = whole

    async def hand_in(self, judged: Sequence[Judged], intake: Intake) -> list[Answer]:
        """Submit what is evidence; return what became of each statement, in order.

        Raise Refusal (422) when nothing can be used, and what `Intake.submit` raises.
        """
        self._refuse(judged)
        evidence = [item for item in judged if isinstance(item, Evidence)]
        late = self._retractions.late(evidence)
        fresh = [item for item, is_late in zip(evidence, late, strict=True) if not is_late]
        receipts = await intake.submit(fresh) if fresh else ()
        self._retractions.remember(fresh)
        became = {id(item): receipt for item, receipt in zip(fresh, receipts, strict=True)}
        answers = [_answer(item, became) for item in judged]
        for answer in answers:
            self._record(answer)
        return answers

    def _refuse(self, judged: Sequence[Judged]) -> None:
        refused = [item for item in judged if isinstance(item, Refusal)]
        good = any(isinstance(item, Evidence) for item in judged)
        if not refused or (good and not self._whole):
            return
        if len(judged) == 1:
            raise refused[0]
        message = f"{len(refused)} of {len(judged)} statements cannot be used"
        raise Refusal(
            422,
            "unusable",
            message,
            field="body",
            expected="every statement to be right" if self._whole else "one at least that is right",
            details=refused,
        )

    def _record(self, answer: Answer) -> None:
        """Log what leads to nothing; what was submitted is in the store."""
        if answer.outcome == "ignored":
            self._log.info("evidence ignored", reason=answer.reason)
        elif answer.outcome == "late":
            self._log.warning("evidence came late", host=answer.host, reason=answer.reason)
        elif answer.error is not None:
            self._log.warning("evidence refused", reason=str(answer.error))


def _answer(item: Judged, became: Mapping[int, Receipt]) -> Answer:
    match item:
        case Ignored(reason):
            return Answer("ignored", reason=reason)
        case Refusal():
            return Answer("refused", error=item)
        case Evidence(host=host):
            receipt = became.get(id(item))
            if receipt is None:
                return Answer("late", host=host.name, reason=LATE)
            return Answer(receipt.outcome, host=host.name, incident=receipt.incident or "")


def found_host(name: str, field: str, intake: Intake) -> HostId | Refusal:
    """Return the host of a name, or the refusal (422) of one that is not configured.

    The name is taken as it is: nothing short is completed, and what could not be a name (a newline,
    a thousand characters) is not looked for.
    """
    host = intake.host(name) if name.isprintable() and len(name) <= NAME_MAX else None
    if host is not None:
        return host
    if isinstance(intake, Narrow) and name.isprintable() and intake.outside(name[:NAME_MAX]):
        return foreign(shown(name), field)
    return Refusal(
        422,
        "unknown_host",
        f"{shown(name)} is no configured host",
        field=field,
        expected="the name of a configured host exactly as Nova has it, or one of its aliases",
    )
