"""The audit in etcd: which lines are shown and dropped; and what is told of changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from doctor_daemon.core.audit import ORIGIN, Link, Row, chained
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.chain import AUDIT_PAGE_MAX
from doctor_daemon.stores.etcd_audit import old, page
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_meaning import Compacted, Unanswered
from doctor_daemon.stores.etcd_values import (
    LINES,
    LINK,
    MARK,
    Lines,
    Mark,
    ordered,
    packed,
    unpacked,
)
from doctor_daemon.stores.etcd_watch import WAITING_MAX, Gap, Heard, Put, heard
from tests.stores.etcd_cluster import code
from tests.stores.test_etcd_read import UNSENT, Keys, played
from tests.stores.values import EPOCH_S, audit_line

EVERY = tuple(chained(ORIGIN, [audit_line(number, number) for number in range(1, 8)]))
"""Seven lines, of which each was made at the second of its number."""


class Audit(Keys):
    """An audit whose lines were written two, three and two together."""

    def __init__(self) -> None:
        super().__init__("b/1")
        for begin, end in ((0, 2), (2, 5), (5, 7)):
            self.lines(EVERY[begin:end])
        self.told(mark=EVERY[-1].link)

    def lines(self, some: tuple[Row, ...]) -> None:
        value = packed(LINES.dumps(Lines(some, EPOCH_S + some[-1].number)))
        self.kept[f"/x/{ordered('a', some[0].number)}".encode()] = value

    def told(self, *, mark: Link | None = None, anchor: Link | None = None) -> None:
        """Say where the chain ends, and where it begins."""
        if mark is not None:
            self.kept[b"/x/mark"] = packed(MARK.dumps(Mark("m", 9, None, mark)))
        if anchor is not None:
            self.kept[b"/x/audit"] = packed(LINK.dumps(anchor))

    async def shown(self, after: int, limit: int) -> list[int]:
        found = await page(cast("Gateway", self), "/x/", after, limit)
        return [row.number for row in found.rows]

    async def dropped(self, horizon: float, most: int = 100) -> int:
        """Return up to which line is dropped; 0: none is."""
        plan = await old(cast("Gateway", self), "/x/", EPOCH_S + horizon, most)
        if plan is None:
            return 0
        ((begin, end),) = plan.drops
        number = LINK.loads(unpacked(plan.puts["audit"])).number
        assert (begin, int(end.partition("/")[2])) == ("a/", number + 1)
        return number


@pytest.mark.parametrize(
    ("after", "limit", "numbers"),
    [
        (0, 100, [1, 2, 3, 4, 5, 6, 7]),
        (0, 2, [1, 2]),
        (0, 3, [1, 2, 3]),
        (1, 2, [2, 3]),
        (3, 2, [4, 5]),
        (4, 1, [5]),
        (6, 100, [7]),
        (7, 100, []),
        (0, 0, []),
        (0, -1, []),
        (0, AUDIT_PAGE_MAX + 1, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_lines_are_shown_from_a_number_on(after: int, limit: int, numbers: list[int]) -> None:
    async def story() -> None:
        audit = Audit()
        assert await audit.shown(after, limit) == numbers
        found = await page(cast("Gateway", audit), "/x/", after, limit)
        assert (found.anchor, found.last) == (ORIGIN, EVERY[-1].link)

    played(story)


def test_lines_that_the_mark_does_not_know_are_not_shown() -> None:
    async def story() -> None:
        audit = Audit()
        audit.told(mark=EVERY[3].link)
        assert await audit.shown(0, 100) == [1, 2, 3, 4]
        del audit.kept[b"/x/mark"]
        assert await audit.shown(0, 100) == []

    played(story)


def test_what_was_dropped_is_where_the_chain_begins() -> None:
    async def story() -> None:
        audit = Audit()
        del audit.kept[f"/x/{ordered('a', 1)}".encode()]
        audit.told(anchor=EVERY[1].link)
        found = await page(cast("Gateway", audit), "/x/", 0, 100)
        assert (found.anchor, [row.number for row in found.rows]) == (
            EVERY[1].link,
            [3, 4, 5, 6, 7],
        )

    played(story)


class Pruned(Audit):
    """One of which something is dropped each time that it is looked at, for some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def ranged(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if "limit" in asked and "sort_order" not in asked and self.times:
            self.times -= 1
            self.told(anchor=EVERY[self.times].link)
        return super().ranged(asked)


def test_whoever_asks_while_lines_are_dropped_is_answered_once_that_is_over() -> None:
    async def story() -> None:
        assert await Pruned(2).shown(0, 1) == [1]
        with pytest.raises(Temporary, match="being pruned; ask again"):
            await Pruned(3).shown(0, 1)
        silent = Audit()
        silent.before = [UNSENT] * 1000
        with pytest.raises(Temporary, match="gave up after 10 s"):
            await silent.shown(0, 1)
        silent.before = [UNSENT] * 1000
        with pytest.raises(Temporary, match="gave up after 10 s"):
            await silent.dropped(100)

    played(story)


@pytest.mark.parametrize(
    ("horizon", "most", "upto"),
    [
        (2, 100, 0),
        (2.5, 100, 2),
        (5, 100, 2),
        (5.5, 100, 5),
        (100, 100, 7),
        (0, 7, 0),
        (0, 6, 0),
        (0, 5, 2),
        (0, 2, 5),
        (0, 1, 5),
        (0, 0, 7),
    ],
)
def test_the_oldest_lines_are_dropped_by_their_age_and_their_number(
    horizon: float, most: int, upto: int
) -> None:
    async def story() -> None:
        assert await Audit().dropped(horizon, most) == upto

    played(story)


def test_what_cannot_be_read_stays_and_what_comes_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        audit = Audit()
        audit.kept[f"/x/{ordered('a', 3)}".encode()] = b"nonsense"
        assert await audit.dropped(100) == 2
        audit.kept[f"/x/{ordered('a', 1)}".encode()] = packed(LINES.dumps(Lines((), 0.0)))
        assert await audit.dropped(100) == 0

    played(story)
    assert "cannot be read, and stay" in capsys.readouterr().out


def put(key: str, revision: int, **more: object) -> Mapping[str, object]:
    found = {"key": code(key), "mod_revision": str(revision), "value": code("v")}
    return {"kv": found | more}


def test_what_is_told_of_a_change_is_its_key_and_what_was_written() -> None:
    waiting: list[Heard] = []
    word = {"events": [put("/x/a", 7, version="2"), {**put("/x/b", 7), "type": "DELETE"}]}
    found = heard(word, "/x/", waiting)
    assert found == (Heard("a", 7, Put(b"v", 2)), Heard("b", 7, None))
    assert heard({}, "/x/", waiting) == ()
    assert waiting == []


def test_changes_in_pieces_are_told_together() -> None:
    waiting: list[Heard] = []
    assert heard({"events": [put("/x/a", 7)], "fragment": True}, "/x/", waiting) is None
    found = heard({"events": [put("/x/b", 7)]}, "/x/", waiting)
    assert found is not None
    assert [one.key for one in found] == ["a", "b"]
    most = Heard("c", 7, Put(b"x" * WAITING_MAX, 1))
    gone = Heard("d", 7, None)
    assert heard({"fragment": True}, "/x/", [most, gone]) is None
    with pytest.raises(Gap, match="belong together"):
        heard({"events": [put("/x/a", 7)], "fragment": True}, "/x/", [most])


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ({"canceled": True, "compact_revision": "7"}, Compacted),
        ({"canceled": True}, Unanswered),
        ({"events": [{"kv": 5}]}, Permanent),
        ({"events": [{}]}, Permanent),
        ({"events": [put("/y/a", 7)]}, Permanent),
        ({"events": [put("/x/a", 0)]}, Permanent),
    ],
)
def test_e5_what_tells_of_no_change_is_refused(
    word: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        heard(word, "/x/", [])
