"""`doctor-daemon host decommission`: what can be typed, and when it has come to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.cli.arguments import SOCKET, parse
from doctor_daemon.cli.client import Unanswered
from doctor_daemon.cli.hosts import is_done

WHY = ("--why", "scrapped")


def test_what_may_be_typed() -> None:
    options = parse(["host", "decommission", " compute-1 ", *WHY])
    assert (options.command, options.verb, options.host) == ("host", "decommission", "compute-1")
    assert (options.why, options.host_again) == ("scrapped", None)
    assert (options.socket, options.json) == (SOCKET, False)
    options = parse(
        ["host", "--json", "decommission", "--host-again", "b", "--socket", "s", "b", *WHY]
    )
    assert (options.json, options.socket, options.host_again) == (True, Path("s"), "b")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "the following arguments are required: VERB"),
        (["remove", "b"], "invalid choice: 'remove'"),
        (["decommission", *WHY], "the following arguments are required: HOST"),
        (["decommission", "b"], "the following arguments are required: --why"),
        (["decommission", " ", *WHY], "found nothing; expected the name of a host"),
        (["decommission", "b", "--host", "b", *WHY], "unrecognized arguments: --host"),
    ],
)
def test_what_is_half_or_wrong_is_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["host", *words])
    assert caught.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("wish", [None, {"step": "over"}])
def test_an_order_that_is_not_followed_is_told_in_its_words(wish: dict[str, str] | None) -> None:
    text = "decommission by ann not followed: the incident is releasing"
    incident = {"id": "one", "phase": "releasing", "retirement": wish, "timeline": [{"text": text}]}
    with pytest.raises(Unanswered, match=text):
        is_done(incident, "one")
    with pytest.raises(Unanswered, match="its incident is over"):
        is_done(incident, "two")


def test_what_is_under_way_is_waited_for_and_what_is_resolved_is_done() -> None:
    incident = {"id": "one", "phase": "down", "retirement": {"step": "showing"}, "timeline": []}
    assert not is_done(incident, "one")
    assert is_done({**incident, "phase": "resolved"}, "one")
