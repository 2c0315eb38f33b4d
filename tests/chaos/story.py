"""The story of a round that went wrong: what was true, and what the daemons have to say of it."""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.cli.client import Unanswered
from tests.chaos.configuration import Json, name_of
from tests.chaos.estate import Estate
from tests.chaos.plan import CONTROLLERS
from tests.chaos.tally import Outcome

LOG_LINES = 60


async def told(place: Estate, outcome: Outcome) -> str:
    """Tell everything. Times are CLOCK_MONOTONIC, and those of a timeline since its beginning.

    What another daemon saw than the one that is asked is of another era: its times say nothing.
    """
    seed, world = outcome.plan.seed, place.world
    lines = [f"VIOLATION {text}" for text in outcome.wrong]
    lines.append(f"play it again: python -m {world.suite} --rounds 1 --seed {seed}")
    lines.append("what was true:")
    facts = [(at_s, f"{host} dies") for host, at_s in world.dead.items()]
    facts += [(e.at_s, f"{e.kind} {e.host} {e.server}") for e in (await world.truth()).entries]
    lines += [f"{at_s:12.2f}  {text}" for at_s, text in sorted(facts)[-200:]]
    for host in [*world.dead][-len(outcome.plan.deaths) :]:
        for number in range(CONTROLLERS):
            lines += await _said(place, number, host)
    for number, one in enumerate(place.daemons):
        lines += ["", f"{name_of(number)}, which ended with {one.ends}:"]
        lines += one.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return "\n".join(lines)


async def _said(place: Estate, number: int, host: str) -> list[str]:
    title = f"{name_of(number)} of {host}: "
    try:
        found = await place.incident(number, host)
    except Unanswered as error:
        return ["", f"{title}{error}"]
    return ["", f"{title}nothing"] if found is None else ["", *_told(title, found)]


def _told(title: str, incident: Json) -> Iterator[str]:
    yield f"{title}{incident['phase']}, held: {incident['held']}"
    for entry in incident["timeline"]:
        after_s = entry["after_s"]
        stamp = "another era" if after_s is None else f"{after_s:9.2f} s"
        yield f"{stamp:>11}  {entry['phase']:12}  {entry['text']}"
