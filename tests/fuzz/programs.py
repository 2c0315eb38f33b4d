"""What programs print: power tools, fence agents, and those of a source of type `command`."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from pathlib import Path

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.agent_metadata import parse_metadata
from doctor_daemon.fencers.agent_program import Ran, call_of
from doctor_daemon.fencers.ipmi_answers import (
    OFF,
    ON,
    fru_of,
    guid_of,
    outcome_of,
    power_of,
    uuid_of,
)
from doctor_daemon.fencers.ipmitool import Said, told
from doctor_daemon.inspectors.wire import Found, parsed
from doctor_daemon.log import escaped, printable
from doctor_daemon.ports.program import Ended
from doctor_daemon.ports.refusal import Refusal
from tests.fuzz.requests import brief, judge_refusal

AT = Instant("boot", 1.0, 1.0)
SHOWN_MAX = 300


def shown(text: str) -> None:
    """Assert that a text is fit for a line of a log."""
    assert len(text) <= SHOWN_MAX
    assert text.isprintable()


def agent_metadata(data: bytes) -> None:
    """What a fence agent says of itself: XML, as the program's output is decoded."""
    try:
        found = parse_metadata(data.decode(errors="replace"))
    except Permanent as error:
        brief(error)
        return
    faults = list(found.faults({"ip": "192.0.2.1", "plug": "1"}))
    assert all(isinstance(one, str) for one in faults)
    assert "action" not in found.parameters


def agent_output(data: bytes) -> None:
    """What an agent prints, with each exit status that means something."""
    text = data.decode(errors="replace")
    out, _, err = text.partition("\f")
    for code in (0, 1, 2):
        ran = Ran(Ended(code, out, err), AT, AT)
        shown(ran.text)
        assert ran.power is not {0: Power.OFF, 2: Power.ON}.get(code)
        assert code != 1 or ran.power is Power.UNKNOWN
        assert ran.login_refused <= ran.failed
        assert all("," not in plug for plug in ran.plugs())
    late = Ran(Ended(0, out, err, "killed at its deadline"), AT, AT)
    assert late.power is Power.UNKNOWN


def agent_parameters(data: bytes) -> None:
    """What an agent is given: no value becomes a second line, and the action is always set."""
    value = data.decode(errors="replace")
    try:
        call = call_of(Path("/usr/sbin/fence_x"), "status", {"plug": value})
    except Permanent:
        return
    assert call.stdin is not None
    assert call.stdin.decode().splitlines()[1:] == ["action=status"]


def ipmi(data: bytes) -> None:
    """What ipmitool prints: clearly on, clearly off, or unknown."""
    out, _, err = data.decode(errors="replace").partition("\f")
    said = Said(out, err)
    shown(said.text)
    shown(told(err))
    power = power_of(said)
    assert power is Power.UNKNOWN or f"Chassis Power is {power.value}" in out.splitlines()
    for order, word in ((OFF, "Down/Off"), (ON, "Up/On")):
        if outcome_of(order, said) is Outcome.ACCEPTED:
            assert out.strip() == f"Chassis Power Control: {word}"
    for name, value in fru_of(said).items():
        assert name in out
        assert value in out
    try:
        for order in ("smbios", "ipmi", "rfc4122"):
            assert len(uuid_of(guid_of(said), order)) == 36
    except Permanent as error:
        brief(error)


def json_line(data: bytes) -> None:
    """A line of JSON: one value, or a refusal that names what is wrong."""
    try:
        found = Found(parsed(data))
        found.only("host", "verdict", "summary", "fingerprint")
        assert found.must("host", "the name of a host").word().isprintable()
        summary = found.may("summary")
        if summary is not None:
            shown(summary.summary())
        found.must("verdict", "a time").moment()
    except Refusal as refusal:
        judge_refusal(refusal)


def _judged(lines: Iterable[str]) -> None:
    """Assert that each line of an example can be read by a source of type `command`."""
    for line in lines:
        assert len(line.splitlines()) == 1
        assert json.loads(line).keys() == {"host", "verdict", "summary"}
        found = Found(parsed(line.encode()))
        assert found.must("verdict", "down or up").value in ("down", "up")
        assert found.must("host", "the name of a host").value
        shown(found.must("summary", "text").summary())


def crm_mon(data: bytes) -> None:
    """What crm_mon prints, before the example that is shipped: lines, or one error in words."""
    _example("crm_mon", "told", data)


def consul(data: bytes) -> None:
    """What Consul answers, before the example that is shipped: lines, or one error in words."""
    _example("consul", "told", data)
    _example("consul", "led", data)


def _example(name: str, function: str, data: bytes) -> None:
    try:
        lines = [
            *(getattr(importlib.import_module(f"deploy.sources.{name}"), function)(data) or ())
        ]
    except ValueError as error:
        brief(error)
        return
    _judged(lines)


def log_line(data: bytes) -> None:
    """What strangers say, as it stands in a log: on one line, and sound text."""
    spelt = "".join(map(chr, data)) + data.decode(errors="surrogateescape")
    for text in (escaped(spelt), printable(spelt)):
        assert not {"\n", "\r", "\x1b", "\x85", "\u2028"} & {*text}
        text.encode()
