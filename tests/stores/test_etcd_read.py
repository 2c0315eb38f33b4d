"""How keys are read from etcd, page by page, and what a daemon makes of what is in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_loading import (
    LESS,
    MORE,
    PAGE,
    UNREAD_MAX,
    after,
    check_prefix,
    counted,
    load_past,
    rows,
)
from doctor_daemon.stores.etcd_meaning import Compacted, TooLong, Unanswered
from doctor_daemon.stores.etcd_past import Past, over
from doctor_daemon.stores.saved import Saved
from tests.simulation.virtual import run
from tests.stores.values import closing, head_of, opening

REVISION = 9
SENT = Unanswered("http://one: no answer within 3 s", sent=True)
UNSENT = Unanswered("http://one: no connection", sent=False)
LONG, LATE = TooLong("etcd: longer"), Compacted("etcd: late")


class Keys:
    """Keys below a prefix, and what becomes of the next questions in the place of an answer."""

    def __init__(self, *names: str) -> None:
        self.failure = "etcd: http://one: no answer"
        self.kept: dict[bytes, bytes] = {f"/x/{name}".encode(): b"1" for name in names}
        self.before: list[Exception] = []
        self.limits: list[int] = []
        self.revisions: list[str] = []
        self.longest = 10**9
        """So many keys are told at once; more are too long."""

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        header = {"revision": str(REVISION)}
        if path == "kv/txn":
            found = [self.ranged(one["request_range"]) for one in body["success"]]
            return {"header": header, "responses": [{"response_range": one} for one in found]}
        self.limits.append(int(body["limit"]))
        self.revisions.append(body.get("revision", ""))
        if self.before:
            raise self.before.pop(0)
        return {"header": header, **self.ranged(body)}

    def ranged(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        begin, end = decoded(asked["key"]), decoded(asked.get("range_end"))
        inside = (key for key in self.kept if begin <= key and (key < end if end else key == begin))
        names = sorted(inside, reverse=asked.get("sort_order") == "DESCEND")
        if asked.get("count_only"):
            return {"count": str(len(names))}
        some = names[: int(asked.get("limit", len(names)))]
        if len(some) > self.longest:
            raise LONG
        told = [{"key": coded(k), "value": coded(self.kept[k]), "mod_revision": "3"} for k in some]
        return {"kvs": told} | ({"more": True} if len(some) < len(names) else {})

    async def names(self, *some: str) -> list[str]:
        """Read all, or those of a range."""
        given = {"some": some} if some else {}
        return [key async for key, _, _ in rows(cast("Gateway", self), "/x/", **given)]  # type: ignore[arg-type] # two texts


def played(story: Callable[[], Awaitable[None]]) -> float:
    async def main() -> None:
        async with asyncio.timeout(1000):
            await story()

    return run(main())


def numbered(count: int) -> Keys:
    return Keys(*(f"k{number:04}" for number in range(count)))


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 2 * PAGE + 1])
def test_all_is_read_in_its_order_page_by_page_as_it_was_at_first(count: int) -> None:
    async def story() -> None:
        keys = numbered(count)
        assert await keys.names() == [f"k{number:04}" for number in range(count)]
        pages = max(1, -(-count // PAGE))
        assert keys.limits == [PAGE] * pages
        assert keys.revisions == ["", *[str(REVISION)] * (pages - 1)]

    played(story)


def test_a_range_is_read_from_one_key_on_and_before_another() -> None:
    async def story() -> None:
        keys = Keys("a", "b/1", "b/2", "b0", "c")
        assert await keys.names("b/", after("b/")) == ["b/1", "b/2"]
        assert await keys.names("b/2", "") == ["b/2", "b0", "c"]
        found = [
            row async for row in rows(cast("Gateway", keys), "/x/", ("c", "d"), revision=REVISION)
        ]
        assert found == [("c", b"1", 3)]
        assert keys.revisions[-1] == str(REVISION)

    played(story)


def test_a_page_that_is_too_long_is_asked_for_in_less_and_never_as_much_again() -> None:
    async def story() -> None:
        keys = numbered(100)
        keys.longest = PAGE // LESS - 1
        assert len(await keys.names()) == 100
        less = PAGE // LESS // LESS
        assert keys.limits[:4] == [PAGE, PAGE // LESS, less, less]
        assert max(keys.limits[2:]) == less
        keys.longest = 0
        with pytest.raises(Permanent, match="longer than any that is ours"):
            await keys.names()
        assert keys.limits[-1] == 1

    played(story)


def test_a_page_that_did_not_come_is_asked_for_in_less_and_then_more_again() -> None:
    async def story() -> None:
        keys = numbered(100)
        keys.before = [UNSENT, SENT]
        assert len(await keys.names()) == 100
        less = PAGE // LESS
        assert keys.limits == [PAGE, PAGE, less, less + MORE, less + 2 * MORE]
        keys.limits.clear()
        keys.before = [SENT] * 5
        assert len(await keys.names()) == 100
        assert keys.limits[:7] == [PAGE, less, less // LESS, 1, 1, 1, 1 + MORE]

    assert played(story) > 1


def ended(id_: str) -> bytes:
    saved = Saved(head_of(opening(id_)))
    change = closing(head_of(opening(id_)), 1)
    saved.put(head_of(change), change)
    return over(saved, 1, []).value()


def test_what_is_over_is_read_and_what_cannot_be_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        keys = Keys("w/none")
        good = {f"/x/x/i{number}".encode(): ended(f"i{number}") for number in range(3)}
        bad = {f"/x/x/z{number}".encode(): b"no short" for number in range(UNREAD_MAX + 1)}
        keys.kept |= {**good, **bad, b"/x/y": b"1"}
        keys.before = [LATE]
        past = Past()
        await load_past(cast("Gateway", keys), "/x/", past, most=len(good) + len(bad))
        assert {one.short.id for one in past.all()} == {"i0", "i1", "i2"}
        with pytest.raises(Permanent, match="more than 13 incidents"):
            await load_past(cast("Gateway", keys), "/x/", Past(), most=len(good) + len(bad) - 1)
        keys.before = [UNSENT] * 1000
        with pytest.raises(Temporary, match="no answer; gave up after 5 s"):
            await load_past(cast("Gateway", keys), "/x/", Past(), within_s=5)

    played(story)
    (said,) = [one for one in capsys.readouterr().out.splitlines() if "cannot be read" in one]
    assert f"count={UNREAD_MAX + 1}" in said
    assert "x/z0" in said
    assert f"x/z{UNREAD_MAX}'" in said  # it stands before z2 in the order of keys
    assert f"x/z{UNREAD_MAX - 1}'" not in said


def test_nothing_is_said_where_all_that_is_over_can_be_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        await load_past(cast("Gateway", Keys()), "/x/", Past())

    played(story)
    assert "cannot be read" not in capsys.readouterr().out


def test_what_is_counted_is_neither_past_nor_audit_nor_who_leads() -> None:
    async def story() -> None:
        keys = Keys("a/1", "daemons/one", "leader", "x/one")
        assert await counted(cast("Gateway", keys), "/x/") == (0, 0)
        keys.kept |= Keys("mark", "term", "schema", "audit", "i/one", "l/1", "disarm").kept
        assert await counted(cast("Gateway", keys), "/x/") == (3, 7)

    played(story)


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        ([], True),
        (["i/one", "mark"], True),
        (["members/a"], False),
        (["a/1", "members/a"], False),
        ([f"l/{number}" for number in range(PAGE)] + ["members/a"], True),
        ([f"l/{number}" for number in range(PAGE - 1)] + ["members/a"], False),
    ],
    ids=["none", "ours", "another", "behind", "many", "last"],
)
def test_the_first_keys_of_a_prefix_are_ours(names: list[str], *, fits: bool) -> None:
    async def story() -> None:
        keys = Keys(*names)
        keys.before = [LATE]
        if fits:
            await check_prefix(cast("Gateway", keys), "/x/")
            return
        with pytest.raises(Permanent, match="none of our keys"):
            await check_prefix(cast("Gateway", keys), "/x/")

    played(story)
