"""How the hosts of a group come back: by an order, or by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.host import HostId, WayBack
from doctor_daemon.core.policy import Policy

Reading = Callable[..., Settings]
Refusal = Callable[..., str]


def ident(name: str) -> HostId:
    return HostId("default", name)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("release: on_order", WayBack()),
        ("release: automatic", WayBack(automatic=True)),
        ("power_on: true", WayBack(power_on=True)),
        ("leave_disabled: true", WayBack(enable=False)),
    ],
)
def test_how_hosts_come_back_is_a_groups_own(read: Reading, option: str, expected: WayBack) -> None:
    plans = read(f"hosts: [{{names: a, {option}}}, {{names: b}}]\n").plans
    assert plans[ident("a")].way_back == expected
    assert plans[ident("b")].way_back == WayBack()


@pytest.mark.parametrize(
    "option", ["release: always", "release: true", "power_on: soon", "leave_disabled: 1"]
)
def test_a_word_on_the_way_back_that_is_none_is_refused(refused: Refusal, option: str) -> None:
    assert f"hosts[0].{option.partition(':')[0]}" in refused(f"hosts: [{{names: a, {option}}}]\n")


def test_a_host_that_is_not_evacuated_is_not_switched_on_and_that_is_said(read: Reading) -> None:
    words = "hosts with power_on whose mode is not evacuate: a: they are not switched on"
    settings = read("mode: evacuate\nhosts: [{names: a, mode: fence, power_on: true}]\n")
    assert [one for one in settings.warnings if one.startswith(words)]
    settings = read("mode: evacuate\nhosts: [{names: a, mode: evacuate, power_on: true}]\n")
    assert not [one for one in settings.warnings if words in one]


def test_quarantine_and_flaps_are_everybodys(read: Reading, refused: Refusal) -> None:
    policy = read("release: {quarantine_s: 60, flaps_max: 1, flap_window_s: 3600}\n").policy
    assert (policy.quarantine_s, policy.flaps_max, policy.flap_window_s) == (60, 1, 3600)
    shipped = read("").policy
    assert shipped == Policy()
    assert "release.quarantine_s" in refused("release: {quarantine_s: 5}\n")
