"""The host map between two lists: what hints add to it, and what becomes of that."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.hints import Hint, Taken
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.engine import hostmap
from doctor_daemon.engine.hostmap import HostMap
from tests.engine.rig import server

ASKED_S, AHEAD_S = 100.0, 5_000.0
"""When the first list was asked for by our clock, and how far Nova's is ahead of it."""
THERE_S = ASKED_S + AHEAD_S
ONE, TWO = server(1, "red"), server(2, "blue")


def listed() -> HostMap:
    """One on cmp-1, and a server two that no list has shown."""
    made = HostMap()
    made.dated(AHEAD_S + 90.0, 90.0)
    made.replace({"cmp-1": [ONE]}, ASKED_S)
    return made


def hint(of: Server, host: str, after_s: float = 5.0) -> Hint:
    return Hint(of, host, THERE_S + after_s, sent_s=0.0)


def names(of: HostMap, host: str) -> list[ServerId]:
    return [one.id for one in of.servers(host).servers]


def test_a_hint_moves_a_server_until_a_list_is_asked_for() -> None:
    known = listed()
    assert known.hint(hint(ONE, "cmp-2")) is Taken.TAKEN
    assert (names(known, "cmp-1"), names(known, "cmp-2")) == ([], [ONE.id])
    assert known.listed_where(ONE.id) == "cmp-1", "what the lists say stays to be had"
    assert [one.id for one in known.listed("cmp-1").servers] == [ONE.id]
    assert known.listed("cmp-2").servers == ()
    assert known.hosts == {"cmp-1", "cmp-2"}
    assert known.servers("cmp-2").asked_wall_s == ASKED_S, "no list has said so"
    known.change([], ASKED_S + 10, known.heard)
    assert (names(known, "cmp-1"), names(known, "cmp-2")) == ([ONE.id], [])


def test_a_server_that_is_made_and_deleted_between_two_lists_comes_and_goes() -> None:
    known = listed()
    known.hint(hint(TWO, "cmp-1"))
    assert names(known, "cmp-1") == [ONE.id, TWO.id]
    assert known.hint(hint(TWO, "", 6.0)) is Taken.TAKEN
    assert names(known, "cmp-1") == [ONE.id]
    assert known.hint(hint(TWO, "cmp-1")) is Taken.REPEATED, "the first one, come late"
    assert known.hint(hint(ONE, "", 6.0)) is Taken.TAKEN
    assert names(known, "cmp-1") == []


def test_a_list_keeps_what_was_heard_after_it_was_asked_for() -> None:
    known = listed()
    heard = known.heard
    known.hint(hint(TWO, "cmp-2"))
    known.change([], ASKED_S + 10, heard)
    assert names(known, "cmp-2") == [TWO.id]
    known.change([], ASKED_S + 20, known.heard)
    assert names(known, "cmp-2") == []


def test_a_list_that_shows_a_server_counts_more_than_what_was_heard_meanwhile() -> None:
    known = listed()
    heard = known.heard
    known.hint(hint(ONE, "cmp-2"))
    known.hint(hint(TWO, "cmp-2"))
    known.change([(ONE, "cmp-3")], ASKED_S + 10, heard)
    assert (names(known, "cmp-2"), names(known, "cmp-3")) == ([TWO.id], [ONE.id])


def test_a_full_pass_forgets_what_was_heard_before_it() -> None:
    known = listed()
    known.hint(hint(ONE, "cmp-2"))
    heard = known.heard
    known.hint(hint(TWO, "cmp-2"))
    known.replace({"cmp-1": [ONE]}, ASKED_S + 10, heard=heard)
    assert (names(known, "cmp-1"), names(known, "cmp-2")) == ([ONE.id], [TWO.id])


def test_before_the_first_list_and_without_novas_clock_nothing_is_believed() -> None:
    assert HostMap().hint(hint(ONE, "cmp-1")) is Taken.UNSURE
    undated = HostMap()
    undated.dated(None, 90.0)
    undated.replace({"cmp-1": [ONE]}, ASKED_S)
    assert undated.hint(hint(ONE, "cmp-2")) is Taken.UNSURE
    early = HostMap()
    early.dated(AHEAD_S, 0.0)
    assert early.hint(hint(ONE, "cmp-2")) is Taken.UNSURE


def test_another_projects_server_of_the_same_id_is_not_believed_in() -> None:
    known = listed()
    assert known.hint(hint(replace(ONE, project="blue"), "cmp-1")) is Taken.FOREIGN
    assert [one.project for one in known.servers("cmp-1").servers] == ["red"]


def test_i20_no_more_hints_are_kept_than_there_is_room_for() -> None:
    known = listed()
    for number in range(hostmap.HINTS_MAX):
        one = replace(TWO, id=ServerId(f"s-{number:05}"))
        assert known.hint(hint(one, "cmp-2")) is Taken.TAKEN
    assert known.hint(hint(replace(TWO, id=ServerId("another")), "cmp-2")) is Taken.FULL
    assert known.hint(hint(replace(TWO, id=ServerId("s-00000")), "cmp-3", 6.0)) is Taken.TAKEN
    known.change([], ASKED_S + 10, known.heard)
    assert known.hint(hint(replace(TWO, id=ServerId("another")), "cmp-2", 30.0)) is Taken.TAKEN


PLACES = st.sampled_from(["cmp-1", "cmp-2", "cmp-3", ""])
HINTS = st.lists(
    st.builds(hint, st.sampled_from([ONE, TWO]), PLACES, st.integers(-20, 20).map(float)),
    max_size=12,
)


@given(HINTS)
def test_a7_whatever_is_heard_the_next_list_is_the_truth(
    heard: list[Hint],
) -> None:
    known = listed()
    for one in heard:
        known.hint(one)
        places = [host for host in ("cmp-1", "cmp-2", "cmp-3") if ONE.id in names(known, host)]
        assert len(places) <= 1, "a server is in one place"
        assert known.listed_where(ONE.id) == "cmp-1", "the lists say so"
    known.change([], ASKED_S + 30, known.heard)
    assert names(known, "cmp-1") == [ONE.id]
    assert known.hosts == {"cmp-1"}
