"""C5, B10: what the writer makes of lost answers, refusals and bugs: in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.stores.etcd_daemons import LEADER, Leader
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import CLAIM, MARK, Claim, Mark, unpacked
from doctor_daemon.stores.etcd_writer import Writer
from tests.simulation.virtual import run

CLAIMED, AT = Claim(1, "me"), 5
WRITE_S = 4.0
UNSENT = Unanswered("http://one: no connection", sent=False)
LOST = Unanswered("http://one: the answer was lost", sent=True)
REFUSED = Permanent("etcd: http://one answers 400: too large")
Kept = tuple[str, int, int]
"""A value in base64, and the revisions by which it came and was written last."""


class Etcd:
    """Does transactions as etcd does, and loses what it is told to lose."""

    def __init__(self) -> None:
        self.failure = "etcd: http://one: no answer yet"
        self.revision = 10
        self.keys: dict[str, Kept] = {}
        self.asked: list[Mapping[str, Any]] = []
        self.done: list[Mapping[str, Any]] = []
        self.before: list[Exception] = []
        """What becomes of the next ones, in the place of their being done."""
        self.lost = 0
        """So many are done, and their answers are lost."""
        self.open = asyncio.Event()
        """Not set: nothing is done."""
        self.open.set()
        self.put("term", CLAIM.dumps(CLAIMED), AT)
        self.put("leader", LEADER.dumps(Leader("a", "me", 1)), AT)

    def put(self, key: str, value: str, at: int) -> None:
        self.keys[f"/x/{key}"] = (coded(value.encode()), at, at)

    @property
    def mark(self) -> Mark:
        return MARK.loads(unpacked(decoded(self.keys["/x/mark"][0])))

    async def call(self, path: str, body: Mapping[str, Any], *, within_s: float) -> object:
        assert (path, within_s) == ("kv/txn", WRITE_S)
        self.asked.append(body)
        await asyncio.sleep(0)
        await self.open.wait()
        if self.before:
            raise self.before.pop(0)
        answer = self.does(body)
        if self.lost:
            self.lost -= 1
            raise LOST
        return answer

    def does(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do a transaction, be it one of long ago."""
        header = {"revision": str(self.revision + 1)}
        if not all(map(self._stands, body["compare"])):
            names = [decoded(one["request_range"]["key"]).decode() for one in body["failure"]]
            found = [self._shown(name) for name in names]
            return {"header": header, "responses": [{"response_range": one} for one in found]}
        self.revision += 1
        self.done.append(body)
        for one in body["success"]:
            name = decoded(one["request_put"]["key"]).decode()
            _, came, _ = self.keys.get(name, ("", self.revision, 0))
            self.keys[name] = (one["request_put"]["value"], came, self.revision)
        return {"header": header, "succeeded": True}

    def _stands(self, compared: Mapping[str, Any]) -> bool:
        value, came, written = self.keys.get(decoded(compared["key"]).decode(), ("", 0, 0))
        if compared["target"] == "VALUE":
            return bool(value == compared["value"])
        if compared["target"] == "CREATE":
            return bool(str(came) == compared["create_revision"])
        return bool(str(written) == compared["mod_revision"])

    def _shown(self, name: str) -> Mapping[str, Any]:
        if name not in self.keys:
            return {}
        value, came, written = self.keys[name]
        at = {"create_revision": str(came), "mod_revision": str(written)}
        return {"kvs": [{"value": value, **at}]}


@dataclass
class Bench:
    """A writer before an etcd, and what came of its work."""

    etcd: Etcd = field(default_factory=Etcd)
    applied: list[tuple[str, int]] = field(default_factory=list)
    """What was written, and at which revision."""
    ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writer = Writer(cast("Gateway", self.etcd), "/x/", WRITE_S)
        self.writer.ended = self.ends.append

    def start(self) -> None:
        self.writer.start(CLAIMED, AT, Mark(""), 0)

    def adding(self, key: str, **more: Any) -> Callable[[int], Plan]:  # noqa: ANN401 - a plan's fields
        """Return what makes a plan of one key."""
        given = {"puts": {key: b"1"}, "apply": lambda at: self.applied.append((key, at)), **more}
        return lambda _: Plan(**given)

    def begin(self, *keys: str) -> list[asyncio.Task[None]]:
        """Begin to write keys, each as work of its own that touches itself."""
        works = [self.writer.write(self.adding(key), frozenset(key)) for key in keys]
        return [asyncio.create_task(work) for work in works]

    async def add(self, *keys: str) -> None:
        await asyncio.gather(*self.begin(*keys))


def played(story: Callable[[Bench], Awaitable[None]]) -> float:
    """Play a story of a writer that has begun; return the virtual seconds that it took."""

    async def main() -> None:
        bench = Bench()
        bench.start()
        await story(bench)
        bench.etcd.open.set()
        await bench.writer.stop()

    return run(main())


async def failed(task: asyncio.Task[None], kind: type[Exception], why: str) -> None:
    with pytest.raises(kind, match=why) as error:
        await task
    assert type(error.value) is kind


def test_c5_what_was_done_and_whose_answer_was_lost_is_written_once() -> None:
    async def story(bench: Bench) -> None:
        bench.etcd.before, bench.etcd.lost = [UNSENT], 1
        await bench.add("a")
        assert bench.applied == [("a", 11)]
        assert (bench.writer.groups, len(bench.etcd.done), len(bench.etcd.asked)) == (1, 1, 3)
        await bench.add("b")
        assert (bench.applied[1:], bench.etcd.mark.order) == ([("b", 12)], 2)

    played(story)


@pytest.mark.parametrize("done", [0, 1])
def test_c5_what_became_of_a_lost_one_is_found_before_anything_else_is_written(done: int) -> None:
    async def story(bench: Bench) -> None:
        if done:
            bench.etcd.lost = 1000
        else:
            bench.etcd.open.clear()
        begun = bench.begin("a", "b")
        (task, other) = begun
        await failed(task, Temporary, "no answer yet; gave up after 4 s; .* is not known yet")
        await failed(other, Temporary, "is not known yet")
        assert (bench.applied, bench.writer.waiting) == ([], 0)
        held, bench.etcd.lost = bench.etcd.asked[0], 0
        bench.etcd.open.set()
        await bench.add("c")
        first = [("a", 11), ("b", 11)] if done else []
        assert bench.applied == [*first, ("c", 12)]
        assert "succeeded" not in bench.etcd.does(held)
        assert ("/x/a" in bench.etcd.keys) is bool(done)

    played(story)


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ([REFUSED], Permanent),
        ([UNSENT, REFUSED], Permanent),
        ([LOST, REFUSED], Temporary),
        ([LOST, UNSENT, REFUSED], Temporary),
    ],
)
def test_c5_a_refusal_counts_where_nothing_can_have_been_written(
    before: list[Exception], kind: type[Exception]
) -> None:
    async def story(bench: Bench) -> None:
        bench.etcd.before = before
        (task,) = bench.begin("a")
        await failed(task, kind, "too large; whether" if kind is Temporary else "too large$")
        (task,) = bench.begin("b")
        if kind is Temporary:
            await task
            assert bench.applied == [("b", 12)]
        else:
            await failed(task, Permanent, "too large$")
        assert bench.ends == []

    played(story)


def test_b10_whoever_leads_no_more_writes_no_more_and_says_why() -> None:
    async def story(bench: Bench) -> None:
        await bench.add("a")
        bench.etcd.put("leader", LEADER.dumps(Leader("b", "other", 1)), 12)
        begun = bench.begin("b", "c")
        for task in begun:
            await failed(task, Conflict, "term 1 is over: b leads")
        assert bench.ends == ["term 1 is over: b leads"]
        (task,) = bench.begin("d")
        await failed(task, Conflict, "b leads")
        assert bench.applied == [("a", 11)]

    played(story)


def test_what_somebody_else_has_marked_ends_it() -> None:
    async def story(bench: Bench) -> None:
        bench.etcd.put("mark", MARK.dumps(Mark("other-1")), 9)
        (task,) = bench.begin("a")
        await failed(task, Conflict, "somebody else has written below /x/")

    played(story)


def test_b10_the_first_reason_to_write_no_more_counts() -> None:
    async def story(bench: Bench) -> None:
        bench.etcd.open.clear()
        begun = bench.begin("a")
        await asyncio.sleep(1)
        begun += bench.begin("b")
        await asyncio.sleep(1)
        bench.writer.refuse(Conflict("given up"))
        bench.writer.refuse(Conflict("and again"))
        del bench.etcd.keys["/x/leader"]
        bench.etcd.open.set()
        await failed(begun[0], Conflict, "our lease has run out")
        await failed(begun[1], Conflict, "given up")
        (task,) = bench.begin("c")
        await failed(task, Conflict, "given up")

    played(story)


def test_a_bug_after_the_writing_is_told_and_ends_it() -> None:
    async def story(bench: Bench) -> None:
        def mistaken(_: int) -> None:
            msg = "a bug"
            raise KeyError(msg)

        work = bench.writer.write(bench.adding("a", apply=mistaken))
        with pytest.raises(Temporary, match=r"the writer failed: KeyError.*is not known yet"):
            await work
        (task,) = bench.begin("b")
        await failed(task, Permanent, "the writer failed: KeyError")

    played(story)


def test_whoever_stops_waiting_harms_nobody() -> None:
    async def story(bench: Bench) -> None:
        (gone,) = bench.begin("a")
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(1)
        assert (bench.etcd.asked, bench.writer.groups) == ([], 0)
        for well in (True, False):
            bench.etcd.open.clear()
            gone, stays = bench.begin("b", "c")
            await asyncio.sleep(1)
            gone.cancel()
            bench.etcd.before = [] if well else [REFUSED]
            bench.etcd.open.set()
            if well:
                await stays
            else:
                await failed(stays, Permanent, "too large")
        assert bench.applied == [("b", 11), ("c", 11)]

    played(story)
