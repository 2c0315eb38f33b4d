"""What must not be after a kill, judged by what the lab saw and by its record of what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from doctor_daemon.lab.record import Entry, Kind, violations
from doctor_daemon.lab.rows import Host
from doctor_daemon.lab.witness import Seen
from doctor_daemon.lab.world import World
from tests.takeovers.plan import Call, Plan, call_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a kill. Times are seconds since the kill; None: it never came."""

    seed: int
    moment: str
    takeover_s: float | None
    """The first read or repetition by another daemon."""
    call: str
    """What that was."""
    down_s: float | None
    """When everything about the host had come to its end."""
    wrong: tuple[str, ...]

    def row(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a host after the round, and what happened in it."""

    host: str
    began_s: float
    """CLOCK_MONOTONIC, as everywhere in the record."""
    entries: Sequence[Entry]
    asked: Sequence[Seen]
    runs_on: Mapping[str, Sequence[str]]
    """Server that was on the host -> the hosts that it runs on now."""
    power: bool
    forced_down: bool


def facts(
    world: World, host: Host, servers: Collection[str], began_s: float, asked: Sequence[Seen]
) -> Facts:
    """Gather them."""
    where = {server: world.runs_on(server) for server in servers}
    entries = tuple(world.record.entries)
    down = host.service.forced_down
    return Facts(host.name, began_s, entries, asked, where, host.power, down)


def wrong(plan: Plan, found: Facts) -> Iterator[str]:
    """Name everything that must not be."""
    for one in violations(found.entries):
        if one.at_s >= found.began_s:
            yield f"{one.host} {one.server}: {one.what}"
    if found.power or not found.forced_down:
        yield f"{found.host} is not down: power {found.power}, forced_down {found.forced_down}"
    cuts = sum(call_of(seen) is Call.CUT for seen in found.asked)
    if not 1 <= cuts <= plan.cuts_max:
        yield f"{cuts} orders to cut were sent, and not 1 to {plan.cuts_max}"
    here = [entry for entry in found.entries if entry.at_s >= found.began_s]
    others = {entry.host for entry in here if entry.kind is Kind.POWER_OFF} - {found.host}
    if others:
        yield f"power was cut of {', '.join(sorted(others))}"
    posts = Counter(entry.server for entry in here if entry.kind is Kind.EVACUATE)
    for server in sorted({*found.runs_on, *posts}):
        if posts[server] != 1:
            yield f"{posts[server]} evacuations of {server} were taken on, and not one"
        runs_on = found.runs_on.get(server, ())
        if len(runs_on) != 1 or found.host in runs_on:
            yield f"{server} runs on {', '.join(runs_on) or 'no host'}"
