"""`doctor-daemon host decommission`: what can be typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.cli.arguments import SOCKET, parse

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
