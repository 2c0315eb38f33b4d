"""In which order servers are asked for."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Selection, Server
from doctor_daemon.core.ranks import HIGHEST, open_rank, place, ranked, told, unsent
from doctor_daemon.core.turns import ready
from tests.core.make import Fields, at, context
from tests.core.moving import guest

PRIORITY, GROUP = "server:instanceha:restart_priority", "server:instanceha:restart_group"
ORDERED = Selection()


def prior(name: str, priority: str = "", group: str = "", **changes: Fields) -> Server:
    """Make a server with a priority, a group, or neither."""
    tags = {PRIORITY: priority, GROUP: group}
    return guest(name, tags={key: text for key, text in tags.items() if text}, **changes)


def record(server: Server, stage: Stage = Stage.WAITING, **changes: Fields) -> Evacuation:
    return replace(Evacuation(server, stage, at(0)), **changes)


def ranks_of(*servers: Server, selection: Selection = ORDERED) -> list[int]:
    records = {server.id: record(server) for server in servers}
    return [one.rank for one in ranked(records, selection).values()]


def test_the_highest_priority_goes_first_and_equal_ones_together() -> None:
    servers = (prior("a"), prior("b", "100"), prior("c", "1000"), prior("d", "500"))
    assert ranks_of(*servers) == [2, 3, 1, 2]


def test_without_priorities_there_is_one_rank() -> None:
    assert ranks_of(prior("a"), prior("b")) == [1, 1]
    assert ranks_of() == []


@pytest.mark.parametrize(
    ("text", "as_if"),
    [
        ("1001", "1000"),
        ("999999", "1000"),
        ("0", "1"),
        ("-7", "1"),
        ("+7", "7"),
        (" 7 ", "7"),
        ("007", "7"),
        ("soon", "500"),
        ("7.5", "500"),
        ("1234567", "500"),
        ("\u0667", "500"),
    ],
)
def test_a_priority_that_cannot_be_read_is_none_and_others_are_bounded(
    text: str, as_if: str
) -> None:
    assert ranks_of(prior("a", text), prior("b", as_if)) == [1, 1]


def test_a_group_has_the_priority_of_its_first_member() -> None:
    servers = (prior("a", "100", "db"), prior("b", "900", "db"), prior("c", "", "db"))
    assert ranks_of(*servers, prior("d", "800"), prior("e")) == [1, 1, 1, 2, 3]


def test_a_group_that_is_all_low_stays_low() -> None:
    assert ranks_of(prior("a", "100", "db"), prior("b", "90", "db"), prior("c")) == [2, 2, 1]


def test_nobody_raises_another_projects_servers() -> None:
    mine, theirs = prior("a", "", "db"), prior("b", "1000", "db", project="red")
    assert ranks_of(mine, theirs) == [2, 1]


def test_a_group_without_a_name_is_none() -> None:
    assert ranks_of(prior("a", "1000", "  "), prior("b", "", " ")) == [1, 2]


def test_the_operator_may_have_none_of_it() -> None:
    servers = (prior("a", "100"), prior("b", "1000", "db"))
    assert ranks_of(*servers, selection=Selection(ordered=False)) == [1, 1]


def test_who_stays_has_no_rank_and_raises_nobody() -> None:
    records = {
        "a": record(prior("a", "100", "db")),
        "b": record(prior("b", "1000", "db"), Stage.SKIPPED, rank=1),
        "c": record(prior("c")),
    }
    found = ranked({one.server.id: one for one in records.values()}, ORDERED)
    assert [one.rank for one in found.values()] == [2, 0, 1]


def test_the_same_records_always_come_in_the_same_order() -> None:
    one, two, three = (
        record(guest("b"), rank=1),
        record(guest("a"), rank=2),
        record(guest("c"), rank=1),
    )
    for given in ((one, two, three), (three, two, one), (two, three, one)):
        assert sorted(given, key=place) == [one, three, two]


@pytest.mark.parametrize(
    ("stage", "failures", "held_up"),
    [
        (Stage.WAITING, 0, True),
        (Stage.POSTING, 0, True),
        (Stage.CHECKING, 0, True),
        (Stage.UNDER_WAY, 0, False),
        (Stage.MOVED, 0, False),
        (Stage.SKIPPED, 0, False),
        (Stage.FAILED, 1, False),
        (Stage.UNKNOWN, 0, False),
        (Stage.WAITING, 1, False),
        (Stage.POSTING, 1, False),
        (Stage.CHECKING, 1, False),
    ],
)
def test_c8_the_next_rank_begins_once_each_before_was_taken_on_or_has_ended(
    stage: Stage,
    failures: int,
    held_up: bool,  # noqa: FBT001 - a column of the table
) -> None:
    first = record(guest("a"), stage, rank=1, failures=failures)
    assert open_rank([first, record(guest("b"), rank=2)]) == (1 if held_up else 2)
    assert open_rank([first]) == (1 if held_up else HIGHEST)


def test_c8_a_request_that_was_not_taken_on_yet_has_the_next_rank_wait() -> None:
    begun = record(guest("a"), Stage.POSTING, rank=1)
    later = record(guest("b"), rank=2)
    assert ready([begun, later], context(1)) == ()
    assert ready([replace(begun, stage=Stage.UNDER_WAY), later], context(1)) == (later,)


def test_the_plan_in_words() -> None:
    movers = [record(guest(f"vm-{n}"), rank=n % 3 + 1) for n in range(7)]
    staying = [record(guest("old"), Stage.SKIPPED)]
    assert told(movers + staying) == "plan: 7 of 8 servers are to be moved, in 3 ranks: 3, 2, 2"
    assert told(staying) == "plan: 0 of 1 servers are to be moved"
    assert told([movers[0]]) == "plan: 1 of 1 servers are to be moved"
    many = [record(guest(f"vm-{n}"), rank=n) for n in range(1, 10)]
    assert told(many[:8]).endswith("in 8 ranks: 1, 1, 1, 1, 1, 1, 1, 1")
    assert told(many).endswith("in 9 ranks: 1, 1, 1, 1, 1, 1, 1, 1, …")


# what cannot be sent


@pytest.mark.parametrize(("times", "held_up"), [(0, True), (5, True), (6, False), (7, False)])
def test_a_first_rank_that_cannot_be_sent_does_not_hold_up_the_next_for_ever(
    times: int,
    held_up: bool,  # noqa: FBT001 - a column of the table
) -> None:
    first = record(guest("a"), rank=1, unsent=times)
    assert open_rank([first, record(guest("b"), rank=2)]) == (1 if held_up else 2)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], ""),
        ([record(guest("a"))], ""),
        ([record(guest("a"), Stage.FAILED, unsent=1, why="429")], ""),
        (
            [record(guest("a"), unsent=1, why="429"), record(guest("b"))],
            "1 requests cannot be sent: 429",
        ),
        (
            [
                record(guest("a"), Stage.POSTING, unsent=1),
                record(guest("b"), unsent=2, why="no way"),
            ],
            "2 requests cannot be sent: no way",
        ),
        (
            [record(guest("a"), Stage.POSTING, unsent=1)],
            "1 requests cannot be sent: nobody knows why",
        ),
    ],
)
def test_what_cannot_be_sent_in_words(records: list[Evacuation], words: str) -> None:
    assert unsent(records) == words
