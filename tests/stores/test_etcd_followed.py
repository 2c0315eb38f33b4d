"""B10, A12: how whoever stands by follows: what he asks for again, what he says, and when."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_mirror import CHECK_S, PAUSE_S, Mirror
from tests.stores.etcd_teller import Teller
from tests.stores.test_etcd_heard import followed
from tests.stores.test_etcd_read import ended, played
from tests.stores.values import opening

ENDED = Unanswered("the answer has ended", sent=True)
LONG_S = 5 * CHECK_S


async def ids(mirror: Mirror) -> list[str]:
    return [one.id for one in (await mirror.loaded()).contents.snapshot().incidents]


def test_what_was_told_at_no_revision_is_not_taken_for_known() -> None:
    async def story() -> None:
        teller = Teller()
        teller.headless = True
        teller.commit(opening(), lost=True)
        mirror = await followed(teller)
        assert mirror.past is not None
        assert (mirror.whole, mirror.lacking) == (False, "")
        with pytest.raises(Temporary, match="has not been read yet"):
            await mirror.loaded()
        await asyncio.sleep(2 * CHECK_S)
        assert (mirror.whole, mirror.trouble) == (False, "etcd: changes do not come")
        await mirror.stop()

    played(story)


def test_whoever_stops_hears_no_more() -> None:
    async def story() -> None:
        teller = Teller()
        teller.holding = [asyncio.Event()]
        holding = teller.holding[0]
        mirror = await followed(teller)
        told = list[str]()
        mirror.told = lambda: told.append("told")
        await mirror.stop()
        holding.set()
        teller.commit(opening())
        await asyncio.sleep(LONG_S)
        assert [one.closed for one in teller.tellings] == [True]
        assert (mirror.past, told) == (None, [])
        assert await ids(mirror) == []
        await mirror.stop()

    played(story)


def test_an_answer_that_has_ended_is_gone_on_with_from_where_it_was() -> None:
    async def story() -> None:
        teller = Teller()
        mirror = await followed(teller)
        gone = list[str]()
        mirror.gone = lambda: gone.append(mirror.lacking)
        teller.commit(opening("one"))
        teller.tellings[0].tell(ENDED)
        await asyncio.sleep(0.1)
        assert gone == ["the answer has ended"]  # it may have gone unheard of
        assert not mirror.whole
        assert await ids(mirror) == ["one"]
        teller.commit(opening("two", "cmp-2"), told=False)
        await asyncio.sleep(1)
        assert (mirror.whole, mirror.lacking, mirror.reads) == (True, "", 1)
        assert await ids(mirror) == ["one", "two"]
        assert teller.begun == [2, 3]
        await mirror.stop()

    played(story)


def test_pieces_that_belong_together_are_waited_for() -> None:
    async def story() -> None:
        teller = Teller()
        mirror = await followed(teller)
        (first,) = teller.tellings
        teller.commit(opening(), told=False)
        whole = teller.last()["events"]
        first.tell({"events": whole[:1], "fragment": True})
        await asyncio.sleep(0.1)
        assert await ids(mirror) == []
        first.tell({"events": whole[1:]})
        await asyncio.sleep(0.1)
        assert await ids(mirror) == ["one"]
        assert (mirror.reads, mirror.trouble) == (1, "")
        await mirror.stop()

    played(story)


@pytest.mark.parametrize("empty", [True, False])
def test_in_quiet_times_nothing_is_amiss_and_what_others_have_written_is_passed(
    *, empty: bool
) -> None:
    async def story() -> None:
        teller = Teller()
        if not empty:
            teller.commit(opening())
        mirror = await followed(teller)
        teller.revision += 10  # below other prefixes
        await asyncio.sleep(LONG_S)
        assert (mirror.whole, mirror.trouble, mirror.reads) == (True, "", 1)
        assert len(teller.begun) == 1
        teller.tellings[0].tell(ENDED)
        await asyncio.sleep(1)
        assert teller.begun[1] == teller.revision + 1
        await mirror.stop()

    played(story)


def test_a12_whoever_does_not_tell_what_has_been_written_is_left_and_nothing_is_missed() -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("one"))
        mirror = await followed(teller)
        teller.commit(opening("two", "cmp-2"), told=False)
        await asyncio.sleep(1.5 * CHECK_S)
        assert (teller.silent_ones, mirror.trouble) == ([], "")  # it may be on its way
        await asyncio.sleep(CHECK_S)
        assert teller.silent_ones == teller.tellings[:1]
        assert teller.tellings[0].closed
        assert (await ids(mirror), mirror.reads) == (["one", "two"], 1)
        await mirror.stop()

    played(story)


def test_after_a_gap_all_is_read_anew_and_what_was_read_of_before_does_not_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("one"), {"x/over": ended("over")})
        before, after = asyncio.Event(), asyncio.Event()
        teller.holding = [before, after]
        mirror = await followed(teller)
        teller.commit(opening("two", "cmp-2"), lost=True)
        teller.commit(opening("three", "cmp-3"))
        await asyncio.sleep(0.1)
        with pytest.raises(Temporary, match="has not been read yet"):
            await mirror.loaded()
        before.set()
        await asyncio.sleep(1)
        assert (mirror.reads, mirror.past, mirror.whole) == (2, None, False)
        assert await ids(mirror) == ["one", "two", "three"]
        after.set()
        await asyncio.sleep(0.1)
        assert (mirror.whole, mirror.trouble) == (True, "")
        await mirror.stop()

    played(story)
    (said,) = [one for one in capsys.readouterr().out.splitlines() if "is read anew" in one]
    assert "a change was missed" in said


def test_what_cannot_be_followed_is_said_once_as_a_refusal_or_as_a_bug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        teller = Teller()
        teller.failures = [*[Permanent("it refuses")] * 3, KeyError("kv")]
        mirror = await followed(teller)
        assert (mirror.trouble, mirror.lacking, mirror.whole) == ("it refuses", "it refuses", False)
        with pytest.raises(Temporary, match="it refuses"):
            await mirror.loaded()
        await asyncio.sleep(3 * PAUSE_S)
        assert mirror.trouble == "a bug: KeyError('kv')"
        await asyncio.sleep(PAUSE_S)
        assert (mirror.trouble, mirror.whole) == ("", True)
        await mirror.stop()

    played(story)
    said = [one for one in capsys.readouterr().out.splitlines() if "cannot be followed" in one]
    assert ["it refuses" in one for one in said] == [True, False]
