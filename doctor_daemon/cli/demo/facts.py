"""What truly happened, as the lab has it: its record, the requests it saw, what consumers received.

No code of the daemon's is used here or in what builds on it, and none of what the daemon says: it
cannot count for itself. All moments are seconds of CLOCK_MONOTONIC, all taken in one process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.faults import Service
from doctor_daemon.lab.record import Entry, Kind, Violation
from doctor_daemon.lab.witness import Seen

Json = dict[str, Any]
OPERATORS = "operators"
OK = 200


@dataclass(frozen=True, slots=True)
class Facts:
    """One story, when it is over. `host` is the one that died, at `detected_s` by its monitor."""

    host: str
    detected_s: float
    daemon: str
    """The daemon's name in the cloud."""
    entries: Sequence[Entry]
    requests: Sequence[Seen]
    receipts: Sequence[Receipt]
    judged: Sequence[Violation]
    """What the lab's judge finds."""

    # servers

    def ran(self, until_s: float) -> dict[str, list[str]]:
        """Tell on which hosts each server truly ran at a moment."""
        found: dict[str, list[str]] = {}
        for entry in self.entries:
            if entry.at_s > until_s:
                break
            if entry.kind is Kind.GUEST_START:
                found.setdefault(entry.server, []).append(entry.host)
            elif entry.kind is Kind.GUEST_STOP:
                found[entry.server].remove(entry.host)
        return found

    @property
    def before(self) -> dict[str, list[str]]:
        """Where each server ran when the host died."""
        return self.ran(self.detected_s)

    @property
    def after(self) -> dict[str, list[str]]:
        """Where each server runs in the end."""
        return self.ran(float("inf"))

    @property
    def servers(self) -> list[str]:
        """The servers of the host that died."""
        return [server for server, hosts in self.before.items() if self.host in hosts]

    @property
    def evacuated(self) -> list[str]:
        """Those of them that run elsewhere in the end, each on one host."""
        after = self.after
        moved = (s for s in self.servers if len(after[s]) == 1)
        return [server for server in moved if after[server] != [self.host]]

    # moments, of the host that died

    def happened(self, kind: Kind) -> list[Entry]:
        """What the record has of a kind about the host since its death."""
        mine = (e for e in self.entries if e.host == self.host and e.kind is kind)
        return [entry for entry in mine if entry.at_s >= self.detected_s]

    @property
    def off_s(self) -> float | None:
        """When its power went."""
        return _first(entry.at_s for entry in self.happened(Kind.POWER_OFF))

    @property
    def forced_down_s(self) -> float | None:
        """When the daemon had it marked forced_down."""
        flagged = self.happened(Kind.FORCED_DOWN)
        return _first(entry.at_s for entry in flagged if entry.by == self.daemon)

    @property
    def proof_s(self) -> float | None:
        """When the last of the readings had been answered that forced_down rests on.

        None where it rests on no readings, but on a human's word.
        """
        off_s, flagged_s = self.off_s, self.forced_down_s
        if off_s is None or flagged_s is None:
            return None
        reads = [r.done_s for r in self.reads if off_s <= r.at_s and r.done_s <= flagged_s]
        return max(reads, default=None)

    # requests

    def asked(self, service: Service, method: str, path_end: str = "") -> list[Seen]:
        """The requests of one kind since the host's death, in order."""
        return [
            seen
            for seen in self.requests
            if (seen.service, seen.method) == (service, method)
            and seen.path.endswith(path_end)
            and seen.at_s >= self.detected_s
        ]

    @property
    def reads(self) -> list[Seen]:
        """The answered questions for the host's power."""
        answered = [r for r in self.asked(Service.BMC, "GET") if r.status == OK]
        return [read for read in answered if read.host == self.host and "/Systems/" in read.path]

    @property
    def cuts(self) -> list[Seen]:
        """The cuts of the host's power that were asked for."""
        return [cut for cut in self.asked(Service.BMC, "POST") if cut.host == self.host]

    @property
    def flags(self) -> list[Seen]:
        """The changes that were asked for of any compute service."""
        return self.asked(Service.NOVA, "PUT")

    @property
    def posts(self) -> list[Seen]:
        """The evacuations that were asked for, refused or not."""
        return self.asked(Service.NOVA, "POST", "/action")

    # consumers

    def told(self, kind: str, consumer: str = "") -> list[Receipt]:
        """The notices of a kind about the host that were received, each once, in order."""
        return [
            receipt
            for receipt in self.receipts
            if receipt.verdict is Verdict.NEW
            and receipt.event["data"]["kind"] == kind
            and consumer in ("", receipt.consumer)
        ]

    def all_told_s(self, kind: str) -> float | None:
        """When the last of those who were told had its first notice of a kind."""
        first: dict[str, float] = {}
        for receipt in self.told(kind):
            first.setdefault(receipt.consumer, receipt.at_s)
        return max(first.values(), default=None)


def tally(facts: Facts, found: Sequence[str]) -> Json:
    """Count what the last line says; a time is None where that never came."""

    def after(moment_s: float | None) -> float | None:
        return None if moment_s is None else round(moment_s - facts.detected_s, 4)

    return {
        "servers": len(facts.servers),
        "evacuated": len(facts.evacuated),
        "violations": len(found),
        "detected_to_early_notice_s": after(facts.all_told_s("suspected")),
        "detected_to_proof_s": after(facts.proof_s),
        "detected_to_forced_down_s": after(facts.forced_down_s),
        "detected_to_confirmed_notice_s": after(facts.all_told_s("confirmed")),
    }


def _first(moments: Iterator[float]) -> float | None:
    return next(moments, None)
