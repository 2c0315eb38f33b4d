"""What is configured about our own side: which numbers fit, and what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.configured import rules_of, wanted
from doctor_daemon.engine.itself import Machine
from doctor_daemon.engine.own_probes import Asked, Point

Reading = Callable[..., Settings]
Refusal = Callable[..., str]
FENCED = "mode: fence\nhosts: [{names: a, mode: fence, levels: [manual]}]\n"


def test_a1_nothing_configured_is_told(read: Reading) -> None:
    told = [text for text in read(FENCED).warnings if text.startswith("own_side")]
    assert len(told) == 1
    assert told[0].startswith("own_side: nothing is configured, so that only Nova's answers")
    assert told[0].endswith("name reference_points, bmc_points, interfaces")
    some = read(f"{FENCED}own_side: {{interfaces: [eth0]}}\n").warnings
    assert any("own_side: no reference_points" in text for text in some)
    enough = read(f"{FENCED}own_side: {{reference_points: ['10.0.0.1:443']}}\n").warnings
    assert not any(text.startswith("own_side") for text in enough)
    assert not any(text.startswith("own_side") for text in read("").warnings)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{age_s: 6}", "own_side.age_s: found 6; expected at least 7 = every_s + timeout_s"),
        (
            "{reference_points: ['10.0.0.1:443'], reference_quorum: 2}",
            "own_side.reference_quorum: found 2; expected at most the 1 reference_points",
        ),
        ("{bmc_quorum: 1}", "own_side.bmc_quorum: found 1; expected at most the 0 bmc_points"),
        ("{bmc_points: ['10.0.0.1:1', '10.0.0.1:1']}", "own_side.bmc_points: found one of them"),
        ("{reference_points: ['10.0.0.1:0']}", "own_side.reference_points: found port 0"),
        ("{reference_points: ['router:443']}", "expected an IP address and a port"),
        ("{interfaces: ['../../etc']}", "own_side.interfaces: found '../../etc'"),
        ("{interfaces: ['..']}", "own_side.interfaces: found '..'"),
        ("{controllers: ['a-[1']}", "own_side.controllers: expected a host's name"),
    ],
)
def test_d3_what_does_not_fit_is_refused(refused: Refusal, options: str, told: str) -> None:
    assert told in refused(f"own_side: {options}\n")


def test_what_is_configured_is_what_is_asked(read: Reading) -> None:
    settings = read(
        "own_side: {reference_points: ['10.0.0.1:443', '10.0.0.2:443', '[::1]:22'],"
        " bmc_points: ['10.1.0.1:80'], bmc_quorum: 1, interfaces: eth0, age_s: 20,"
        " controllers: 'db-[1-2]', fence_controllers: true}\n"
    )
    asked = wanted(settings.own_side)
    assert asked.reference.quorum == 2
    assert asked.reference.points[2] == Point("::1", 22)
    assert asked.bmc == Asked((Point("10.1.0.1", 80),), 1)
    assert asked.interfaces == ("eth0",)
    assert settings.policy.own_age_s == 20
    rules = rules_of(settings, Machine("here"))
    assert rules.own.control == {"db-1", "db-2"}
    assert rules.own.control_fenced


def test_b12_our_own_host_is_found_in_the_inventory(read: Reading) -> None:
    settings = read("hosts: [{names: [a, b], aliases: ['{host}.example.org']}]\n")
    rules = rules_of(settings, Machine("a.example.org"))
    assert set(rules.own.self_) == {HostId("default", "a")}
    settings = read("hosts: [{names: 'a[1-2]', addresses: {management: '10.0.0.{n}'}}]\n")
    rules = rules_of(settings, Machine("here", frozenset({"10.0.0.2"})))
    assert set(rules.own.self_) == {HostId("default", "a2")}
