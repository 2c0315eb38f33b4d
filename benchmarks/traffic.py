"""What monitors send while a daemon is soaked: words about hosts, in batches, over and over.

Each host goes round: words that it is up; an accusation; the same once more, now as a new event and
now as the very same one; and at last the accusation is taken back, or the host is seen alive. So an
incident comes and goes with every round. A few hosts really die each time: they are accused until
they are forced down, are brought back by hand, and an operator closes their incident.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from benchmarks.plan import Json
from benchmarks.scene import Scene

END_S, AGAIN_S, LOOK_S = 120.0, 0.5, 0.05
TRIES = 240
"""How often a request is sent again that was refused for want of room."""
ONCE_MORE_S, PAUSE_S = 2.0, 5.0
"""Between two words about a host that is dying, and between two deaths of one, at most."""


@dataclass(slots=True)
class Tally:
    """What has been sent, and what came of it. `left`: so many statements are to be sent still."""

    left: int
    rate_per_s: float
    """How fast, at most."""
    answered: int = 0
    """Statements in requests that were answered 2xx."""
    refused: int = 0
    """Requests that were answered 429 or 503, and sent again."""
    ids: int = 0
    """Events, each with an id of its own."""
    alive: Counter[str] = field(default_factory=Counter)
    """Events that accuse nobody, by source."""
    opened: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    forced_down: int = 0
    _began_s: float = field(default_factory=time.monotonic)

    def ahead_s(self) -> float:
        """Return for how long nothing more is to be said, or it would be faster than that."""
        return self.answered / self.rate_per_s - (time.monotonic() - self._began_s)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many words there are in a round, and how many of them say a thing once more."""

    words: int
    repeats: int
    open_s: float
    """How long a host is accused at most: well within the grace, for it lives."""

    @classmethod
    def of(cls, evidence: int, incidents: int, grace_s: float) -> Pace:
        """Return the pace of so many incidents in so much evidence."""
        words = max(evidence // incidents, 4)
        return cls(words, words // 5, grace_s / 3)


class Round:
    """One host that lives, as its monitor speaks of it."""

    def __init__(self, host: str, pace: Pace, draw: random.Random) -> None:
        """Begin anywhere in the words that it is up."""
        self.host = host
        self.incident = ""
        self.ending_s = 0.0
        """When the last word was said; 0: it has not been."""
        self._pace = pace
        self._quiet = draw.randrange(pace.words - pace.repeats)
        self._said, self._first, self._since_s, self._ends = 0, "", 0.0, 0

    def word(self, id_: str, *, last: bool = False) -> tuple[str, str] | None:
        """Return the next verdict and the id of its event; None: it is waited for the end.

        `last`: nothing new is begun, and what is open is ended.
        """
        if self.ending_s or (last and not self._first):
            return None
        if not self._first:
            self._quiet -= 1
            if self._quiet >= 0:
                return "up", id_
            self._first, self._since_s = id_, time.monotonic()
            return "down", id_
        late = time.monotonic() - self._since_s > self._pace.open_s
        if self._said < self._pace.repeats and not late and not last:
            self._said += 1
            return "down", self._first if self._said % 2 else id_
        self.ending_s, self._ends = time.monotonic(), self._ends + 1
        return ("up" if self._ends % 2 else "withdrawn"), id_

    def over(self) -> None:
        """Begin anew: the incident has ended."""
        self._quiet = self._pace.words - self._pace.repeats - 2
        self._said, self._first, self.incident, self.ending_s = 0, "", "", 0.0

    @property
    def accused(self) -> bool:
        """Whether an incident is open, or its end is waited for."""
        return bool(self._first)


class Sender:
    """One source's way to the daemon."""

    def __init__(self, place: Scene, source: str, url: str, tally: Tally) -> None:
        """Send nothing yet."""
        self.tally = tally
        self._place = place
        self._source = source
        self._url = url
        self._ids: Iterator[int] = count()

    def id(self) -> str:
        """Return the id of a new event."""
        return f"{self._source}-{next(self._ids)}"

    async def send(self, words: Sequence[tuple[str, str, str]]) -> list[Json]:
        """Send (host, verdict, id) in one request, until it is taken; return the receipts."""
        body = json.dumps({"evidence": [_statement(*word) for word in words]}).encode()
        bearer = f"Bearer {self._place.configuration.bearer}"
        headers = {"Authorization": bearer, "Content-Type": "application/json"}
        for _ in range(TRIES):
            async with self._place.session.post(self._url, data=body, headers=headers) as answer:
                content = await answer.read()
                if answer.ok:
                    self.tally.answered += len(words)
                    self.tally.left -= len(words)
                    found: list[Json] = json.loads(content)["receipts"]
                    return found
                if answer.status not in (429, 503):
                    raise RuntimeError(f"{answer.status}: {content[:1000]!r}")
            self.tally.refused += 1
            await asyncio.sleep(AGAIN_S)
        raise RuntimeError(f"{self._source}: {TRIES} times in a row there was no room")

    def count(self, verdict: str) -> None:
        """Note an event that has an id of its own."""
        self.tally.ids += 1
        self.tally.alive[self._source] += verdict != "down"


def _statement(host: str, verdict: str, id_: str) -> Json:
    return {
        "host": host,
        "verdict": verdict,
        "kind": "bench",
        "id": id_,
        "observed_at": datetime.now(UTC).isoformat(),
        "summary": "a measurement",
    }


class Monitor:
    """Speaks of some hosts that live, of all of them in each request."""

    def __init__(self, place: Scene, sender: Sender, rounds: Sequence[Round], told: int) -> None:
        """Send by `sender`. So many audiences are told of an incident's end."""
        self._place = place
        self._sender = sender
        self._rounds = rounds
        self._told = told

    async def run(self) -> None:
        """Speak until all is sent, and then until all incidents have ended."""
        tally = self._sender.tally
        while tally.left > 0:
            await self._turn(last=False)
            await asyncio.sleep(max(tally.ahead_s(), 0.0))
        while any(one.accused for one in self._rounds):
            await self._turn(last=True)

    async def _turn(self, *, last: bool) -> None:
        """Say the next word of each host."""
        speaking: list[Round] = []
        words: list[tuple[str, str, str]] = []
        for one in self._rounds:
            self._heed(one)
            id_ = self._sender.id()
            word = one.word(id_, last=last)
            if word is not None:
                speaking.append(one)
                words.append((one.host, *word))
                if word[1] == id_:
                    self._sender.count(word[0])
        if not words:
            await asyncio.sleep(LOOK_S)
            return
        receipts = await self._sender.send(words)
        for one, receipt in zip(speaking, receipts, strict=True):
            if one.accused:
                one.incident = str(receipt.get("incident", one.incident))
                self._sender.tally.opened.add(one.incident)

    def _heed(self, one: Round) -> None:
        """See whether a host's incident has ended. Raise RuntimeError where it does not."""
        if not one.ending_s:
            return
        if self._place.hearing.heard(one.incident, "withdrawn") >= self._told:
            self._place.hearing.forget(one.incident)
            self._sender.tally.ended.add(one.incident)
            one.over()
        elif time.monotonic() - one.ending_s > END_S:
            raise RuntimeError(f"{one.host}: incident {one.incident!r} does not end")


async def deaths(place: Scene, sender: Sender, host: str, draw: random.Random) -> None:
    """Let one host die again and again, each time until it is forced down and its incident over."""
    tally = sender.tally
    while True:
        await asyncio.sleep(draw.uniform(0, PAUSE_S))
        await place.cloud.fail(host)
        receipt = await _accuse(sender, host)
        incident = str(receipt["incident"])
        tally.opened.add(incident)
        async with asyncio.timeout(END_S):
            while not place.hearing.heard(incident, "confirmed"):
                await asyncio.sleep(ONCE_MORE_S)
                await _accuse(sender, host)
        tally.forced_down += 1
        await place.cloud.mend([host])
        await place.close(host)
        place.hearing.forget(incident)
        tally.ended.add(incident)
        if tally.left <= 0:
            return


async def _accuse(sender: Sender, host: str) -> Json:
    id_ = sender.id()
    sender.count("down")
    return (await sender.send([(host, "down", id_)]))[0]
