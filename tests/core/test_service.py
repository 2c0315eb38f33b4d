"""What is forgotten of a host that is fenced once more after it may have been in use."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evacuation import BEFORE, Evacuation, Stage
from doctor_daemon.core.incident import Incident, Marking
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.service import in_service, out_of_service
from doctor_daemon.core.tries import Outcome
from tests.core.make import Fields, at, incident, server, sighting

PUT = Marking(number=2, disable=True, put=Outcome.ACCEPTED, put_at=at(5))
SHOWN_UP, SHOWN_DOWN = sighting(9), sighting(9, forced_down=True)
NAMES = ("moved", "skipped", "failed", "before")


def fenced_once_more(**changes: Fields) -> Incident:
    """Make an incident whose host was forced down, and whose servers have had their outcome."""
    stages = (Stage.MOVED, Stage.SKIPPED, Stage.FAILED, Stage.MOVED)
    found = [
        Evacuation(server(name), stage, at(3), migration=BEFORE if name == "before" else 7)
        for name, stage in zip(NAMES, stages, strict=True)
    ]
    records = {one.server.id: one for one in found}
    there = {one.server.id: one.server for one in found}
    return incident(marking=PUT, evacuations=records, servers=there, listings=2, **changes)


def history(found: Incident) -> list[str]:
    """Name the servers whose outcome is from before the host was last in use."""
    return [one.server.name for one in found.evacuations.values() if one.migration == BEFORE]


def there(found: Incident) -> list[str]:
    return [one.name for one in found.servers.values()]


@pytest.mark.parametrize(
    ("release", "undone"),
    [
        (Release(), False),
        (Release(step=Step.LIFTING), False),
        (Release(gone_at=at(8)), True),
        (Release(step=Step.WATCHING), True),
        (Release(step=Step.ENABLING), True),
        (Release(step=Step.WATCHING, gone_at=at(8)), True),
    ],
)
def test_what_had_set_a_flag_that_is_gone_is_forgotten(release: Release, *, undone: bool) -> None:
    found = out_of_service(fenced_once_more(release=release, shown=SHOWN_DOWN))
    assert found.marking == (Marking(number=3) if undone else PUT)


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({"shown": None}, False),
        ({"shown": SHOWN_DOWN}, False),
        ({"shown": SHOWN_UP}, True),
        ({"shown": None, "release": Release(gone_at=at(8))}, True),
        ({"shown": SHOWN_DOWN, "release": Release(gone_at=at(8))}, True),
        ({"shown": SHOWN_UP, "release": Release(gone_at=at(8))}, True),
    ],
)
def test_what_had_moved_from_a_host_that_may_have_been_in_use_may_be_back(
    changes: Fields, *, used: bool
) -> None:
    found = out_of_service(fenced_once_more(**changes))
    assert history(found) == (["moved", "skipped", "before"] if used else ["before"])
    assert found.listings == (0 if used else 2)


def test_a_server_is_left_out_once_it_had_moved_before_the_host_was_last_in_use() -> None:
    """Nova has shown since then what is there: whoever is back is listed anew."""
    assert there(out_of_service(fenced_once_more(shown=SHOWN_DOWN))) == [
        "moved",
        "skipped",
        "failed",
    ]
    assert there(out_of_service(fenced_once_more(shown=SHOWN_UP))) == ["skipped", "failed"]


def test_in_use_again_only_what_had_an_outcome_is_history() -> None:
    found = in_service(fenced_once_more())
    assert history(found) == ["moved", "skipped", "before"]
    assert (found.listings, there(found)) == (0, list(NAMES))


def test_of_its_way_back_only_what_was_sent_is_remembered() -> None:
    release = Release(step=Step.WATCHING, number=4, returns=1, again=True, reports=2)
    assert out_of_service(fenced_once_more(release=release)).release == Release(number=4, returns=1)
