"""How a story should end, as frozen values; each yields what is not as it should be.

Like the invariants these are judged by the facts alone. What the daemon itself says of the end is
asked for as well: `phase`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from doctor_daemon.cli.demo.facts import OPERATORS, Facts
from doctor_daemon.lab.consumer import Verdict
from doctor_daemon.lab.record import Kind

Check = Callable[[Facts], Iterator[str]]


@dataclass(frozen=True, slots=True)
class End:
    """The state in which a story is to end."""

    phase: str
    """Where the daemon is to say that the incident stands."""
    text: str
    told: str
    """The kind of notice with which consumers have heard of the end."""
    checks: tuple[Check, ...]

    def wrong(self, facts: Facts) -> list[str]:
        """Say what is not as it should be."""
        checks = (self._everybody_heard, *self.checks)
        return [text for check in checks for text in check(facts)]

    def _everybody_heard(self, facts: Facts) -> Iterator[str]:
        heard = {receipt.consumer for receipt in facts.told(self.told)}
        for consumer in sorted({r.consumer for r in facts.told("suspected")} - heard):
            yield f"{consumer} was warned, and not told how it ended: {self.told}"


def _every_server_runs_elsewhere(facts: Facts) -> Iterator[str]:
    after, evacuated = facts.after, facts.evacuated
    for server in facts.servers:
        if server not in evacuated:
            yield f"{server} is lost: it runs on {after[server] or 'no host'}"


def _forced_down_once(facts: Facts) -> Iterator[str]:
    count = sum(entry.by == facts.daemon for entry in facts.happened(Kind.FORCED_DOWN))
    if count != 1:
        yield f"{facts.host} was forced down {count} times, expected once"


def _each_server_was_asked_for_once(facts: Facts) -> Iterator[str]:
    """Nova takes a second evacuation of a server on, and both may start it."""
    accepted = [entry.server for entry in facts.happened(Kind.EVACUATE)]
    for server in facts.servers:
        if accepted.count(server) != 1:
            yield f"Nova took on {accepted.count(server)} evacuations of {server}, expected one"


def _each_outcome_was_told(facts: Facts) -> Iterator[str]:
    told = [receipt.event["data"] for receipt in facts.told("outcome", OPERATORS)]
    named = {server["id"] for data in told for server in data["servers"]}
    for server in sorted(set(facts.servers) - named):
        yield f"no operator was told what has become of {server}"


def _nothing_was_moved(facts: Facts) -> Iterator[str]:
    if facts.happened(Kind.FORCED_DOWN):
        yield f"{facts.host} was forced down"
    if facts.posts:
        yield f"{len(facts.posts)} evacuations were asked for"
    for server in facts.servers:
        if set(facts.after[server]) - {facts.host}:
            yield f"{server} was moved"


def _a_cut_was_tried(facts: Facts) -> Iterator[str]:
    if not facts.cuts:
        yield f"nobody tried to cut the power of {facts.host}"


def _no_power_was_cut(facts: Facts) -> Iterator[str]:
    if facts.cuts or facts.happened(Kind.POWER_OFF):
        yield f"the power of {facts.host} was cut"


def _all_is_as_it_was(facts: Facts) -> Iterator[str]:
    after = facts.after
    for server, hosts in facts.before.items():
        if after[server] != hosts:
            yield f"{server} ran on {hosts} and now runs on {after[server]}"


def _operators_were_asked(facts: Facts) -> Iterator[str]:
    if not facts.told("held", OPERATORS):
        yield "no operator was told that a human is needed"


def _some_are_left_and_named(facts: Facts) -> Iterator[str]:
    lost = set(facts.servers) - set(facts.evacuated)
    if not lost or not facts.evacuated:
        yield f"{len(lost)} servers are left of {len(facts.servers)}, expected some"
    told = [receipt.event["data"] for receipt in facts.told("outcome", OPERATORS)]
    failed = [data for data in told if data.get("outcome") == "failed"]
    named = {server["id"] for data in failed for server in data["servers"]}
    for server in sorted(lost - named):
        yield f"{server} could not be moved, and no operator was told so"


def _a_notice_came_twice(facts: Facts) -> Iterator[str]:
    if not any(receipt.verdict is Verdict.REPEATED for receipt in facts.receipts):
        yield "no notice was repeated, although the answer to one was lost"


def _it_was_fenced_again(facts: Facts) -> Iterator[str]:
    if len(facts.happened(Kind.POWER_OFF)) < len(facts.happened(Kind.POWER_ON)) + 1:
        yield f"{facts.host} was switched on again, and not fenced again"


def _the_judge_convicts(facts: Facts) -> Iterator[str]:
    if not facts.judged:
        yield "the lab's judge has seen nothing of it"


_MOVED = (_every_server_runs_elsewhere, _forced_down_once, _each_outcome_was_told)
_HELD = (_nothing_was_moved, _operators_were_asked)
_ALL = "every server runs elsewhere, each asked for once"

MOVED = End("down", _ALL, "confirmed", (*_MOVED, _each_server_was_asked_for_once))
MOVED_AND_REPEATED = End(
    "down",
    f"{_ALL}; the consumer has heard everything",
    "confirmed",
    (*MOVED.checks, _a_notice_came_twice),
)
FENCED_AGAIN = End(
    "down",
    "fenced again, and every server runs elsewhere",
    "confirmed",
    (*MOVED.checks, _it_was_fenced_again),
)
HELD = End("held", "HELD: nothing was forced down, and nothing was moved", "held", _HELD)
HELD_IN_VAIN = End(
    "held",
    "HELD: the cut did nothing, and nothing was moved",
    "held",
    (*_HELD, _a_cut_was_tried, _all_is_as_it_was),
)
HELD_UNTOUCHED = End(
    "held",
    "HELD: no power was cut, and nothing was moved",
    "held",
    (*_HELD, _no_power_was_cut, _all_is_as_it_was),
)
HELD_WITH_SOME = End(
    "held",
    "HELD: some servers run elsewhere, and those that do not are named",
    "held",
    (_operators_were_asked, _forced_down_once, _some_are_left_and_named),
)
DISMISSED = End(
    "dismissed",
    "called off: nothing was touched, and the early notice was withdrawn",
    "withdrawn",
    (_nothing_was_moved, _no_power_was_cut, _all_is_as_it_was),
)
CONVICTED = End(
    "down", "two writers: the daemon believes the device, and the judge convicts it",
    "confirmed", (_the_judge_convicts,),
)  # fmt: skip
