"""One transaction of etcd: what it compares, what it writes, and what it may hold at most.

etcd's own limits, which an administrator may only raise: 128 operations and 1.5 MiB a request
(--max-txn-ops, --max-request-bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from doctor_daemon.core.audit import Line, Link, chained
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_json import Json, coded, records
from doctor_daemon.stores.etcd_values import (
    CLAIM,
    LINES,
    MARK,
    Claim,
    Lines,
    Mark,
    TooLarge,
    ordered,
    packed,
)

OPERATIONS_MAX = 100
"""Of plans, and as many comparisons; those of term, leader and mark come on top."""
STANDING = ("term", "leader", "mark")
"""What a transaction that was not done answers, in this order."""
REQUEST_MAX = 1_400_000
"""Bytes of keys and values: what is around them comes on top."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one piece of work writes; keys are without the prefix.

    `heads`: key -> the revision by which it was written last, 0: not there. `drops`: ranges.
    `apply` is called with the new revision once all of it is written.
    """

    heads: Mapping[str, int] = field(default_factory=dict)
    puts: Mapping[str, bytes] = field(default_factory=dict)
    drops: Sequence[tuple[str, str]] = ()
    moment: Instant | None = None
    apply: Callable[[int], None] = lambda _: None
    orders: int = 1
    """How many numbers it takes, from its own on."""
    lines: Sequence[Line] = ()
    """What the audit is to say of it: chained once it is known what goes before it."""
    link: Link | None = None
    """Where the audit stands after it; None: it says nothing."""

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return sum(len(key) + len(value) for key, value in self.puts.items())

    @property
    def operations(self) -> int:
        """How many operations it is, or comparisons, of which etcd takes as many."""
        return max(len(self.puts) + len(self.drops), len(self.heads))

    def as_it_is(self, _: int) -> Plan:
        """Return it, whatever its number."""
        return self


@dataclass(frozen=True, slots=True)
class Transaction:
    """Plans that are written together, and the mark that they leave."""

    mark: Mark
    plans: tuple[Plan, ...] = ()

    def body(self, prefix: str, before: Mapping[str, int], claim: Claim) -> Json:
        """Return what etcd is asked. `before`: keys and the revisions that they must have.

        The term must be this claim too: numbers come again where older state was restored. And the
        key of the leader must be the one that came with the term: it goes when our lease runs out.
        Where something is not as it must be, the answer tells what stands: term, leader and mark.
        """
        heads = {key: at for plan in self.plans for key, at in plan.heads.items()}
        puts = {key: value for plan in self.plans for key, value in plan.puts.items()}
        puts["mark"] = packed(MARK.dumps(self.mark))
        drops = [drop for plan in self.plans for drop in plan.drops]

        def key(name: str) -> str:
            return coded(f"{prefix}{name}".encode())

        term = coded(packed(CLAIM.dumps(claim)))
        return {
            "compare": [
                {"key": key("term"), "target": "VALUE", "result": "EQUAL", "value": term},
                leads(key("leader"), before["term"]),
                *(
                    {"key": key(name), "target": "MOD", "result": "EQUAL", "mod_revision": str(at)}
                    for name, at in (*heads.items(), *before.items())
                ),
            ],
            "success": [
                *(
                    {
                        "request_delete_range": {"key": key(begin)}
                        | ({"range_end": key(end)} if end else {})
                    }
                    for begin, end in drops
                ),
                *(
                    {"request_put": {"key": key(name), "value": coded(value)}}
                    for name, value in puts.items()
                ),
            ],
            "failure": [{"request_range": {"key": key(name)}} for name in STANDING],
        }


def linked(plan: Plan, last: Link) -> Plan:
    """Return a plan with its lines of the audit chained. `last`: where the audit stands before."""
    if not plan.lines:
        return plan
    rows = tuple(chained(last, plan.lines))
    value = packed(LINES.dumps(Lines(rows, max(line.at.wall_s for line in plan.lines))))
    puts = {**plan.puts, ordered("a", rows[0].number): value}
    return replace(plan, puts=puts, link=rows[-1].link)


def check_size(plan: Plan) -> None:
    """Raise TooLarge for what no single transaction can hold."""
    if plan.size > REQUEST_MAX:
        key, value = max(plan.puts.items(), key=lambda item: len(item[1]))
        raise TooLarge(
            f"etcd: what is to be saved at once has {plan.size} bytes, and {REQUEST_MAX} are the"
            f" limit; the largest part, {key}, has {len(value)}"
        )
    if plan.operations > OPERATIONS_MAX:
        raise TooLarge(
            f"etcd: what is to be saved at once is {plan.operations} operations, and"
            f" {OPERATIONS_MAX} are the limit"
        )


def leads(key: str, revision: int) -> Json:
    """Return what compares that the key of the leader is the one that came at a revision."""
    at = str(revision)
    return {"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": at}


def first(answer: Json, place: int) -> Mapping[str, Any]:
    """Return the key that a range of an answer has found; nothing: there is none.

    Raise Permanent if the answer is not one of such ranges.
    """
    responses = records(answer, "responses")
    if place >= len(responses):
        raise Permanent("etcd: the answer to a transaction is not whole")
    found = records(responses[place].get("response_range"), "kvs")
    return found[0] if found else {}
