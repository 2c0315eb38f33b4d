"""What must hold in every story, whatever goes wrong in it, judged by the facts alone.

Each check yields a sentence for each time that it was broken. The lab's judge is the first of them:
no server on two hosts at once, nothing forced down that has power.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from doctor_daemon.cli.demo.facts import OPERATORS, Facts
from doctor_daemon.lab.consumer import Verdict
from doctor_daemon.lab.faults import Service
from doctor_daemon.lab.record import Kind

Check = Callable[[Facts], Iterator[str]]


def broken(facts: Facts) -> list[str]:
    """Say what was broken; nothing, if all of it held."""
    return [text for check in INVARIANTS for text in check(facts)]


def _judge_is_content(facts: Facts) -> Iterator[str]:
    for found in facts.judged:
        yield f"{found.what} ({found.server or found.host})"


def _no_other_server_was_touched(facts: Facts) -> Iterator[str]:
    after = facts.after
    for server, hosts in facts.before.items():
        if facts.host not in hosts and after[server] != hosts:
            yield f"{server} ran on {hosts}, which did not fail, and now runs on {after[server]}"


def _no_other_host_was_touched(facts: Facts) -> Iterator[str]:
    kinds = (Kind.POWER_OFF, Kind.FORCED_DOWN)
    for entry in facts.entries:
        if entry.kind in kinds and entry.host != facts.host and entry.at_s >= facts.detected_s:
            yield f"{entry.kind} of {entry.host}, which did not fail"
    for cut in facts.asked(Service.BMC, "POST"):
        if cut.host != facts.host:
            yield f"{cut.host}, which did not fail, was to be cut"


def _off_comes_first(facts: Facts) -> Iterator[str]:
    """Nothing is forced down or evacuated, nor is it asked for, before the power is off."""
    off_s = facts.off_s if facts.off_s is not None else float("inf")
    if any(flag.at_s < off_s for flag in facts.flags):
        yield f"Nova was told that {facts.host} is down before it was off"
    if any(post.at_s < off_s for post in facts.posts):
        yield f"an evacuation was asked for before {facts.host} was off"
    mine = frozenset(facts.servers)
    for entry in facts.entries:
        moved = entry.kind is Kind.GUEST_START and entry.server in mine
        if moved and facts.detected_s <= entry.at_s < off_s:
            yield f"{entry.server} was started on {entry.host} before {facts.host} was off"


def _forced_down_comes_before_evacuation(facts: Facts) -> Iterator[str]:
    flagged = facts.happened(Kind.FORCED_DOWN)
    for post in facts.posts[:1]:
        if not flagged or post.at_s < flagged[0].at_s:
            yield f"an evacuation was asked for before {facts.host} was forced down"


def _early_notice_comes_before_the_cut(facts: Facts) -> Iterator[str]:
    """It is sent before the cut, even where it has to be sent again to be heard."""
    hooks = [r.at_s for r in facts.asked(Service.CONSUMER, "POST", f"/{OPERATORS}")]
    if facts.cuts and not (hooks and hooks[0] < facts.cuts[0].at_s):
        yield f"the power of {facts.host} was cut before anybody was told"


def _every_notice_is_genuine(facts: Facts) -> Iterator[str]:
    for receipt in facts.receipts:
        if receipt.verdict in (Verdict.REFUSED, Verdict.CHANGED):
            yield f"{receipt.consumer} did not believe notice {receipt.id}: {receipt.why}"


INVARIANTS: tuple[Check, ...] = (
    _judge_is_content,
    _no_other_server_was_touched,
    _no_other_host_was_touched,
    _off_comes_first,
    _forced_down_comes_before_evacuation,
    _early_notice_comes_before_the_cut,
    _every_notice_is_genuine,
)
