"""Which changes of a configuration take a human's word (D4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostPlan, Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.dangers import dangers
from tests.core import make

HOST = make.HOST
PLAN = replace(make.plan(), mode=Mode.FENCE, protected="it holds the keys")
LOOSER: Mapping[str, Any] = {
    "mode: fence -> evacuate": {"mode": Mode.EVACUATE},
    "protected no more": {"protected": ""},
    "kinds of evidence: 2 -> 1": {"corroboration": Corroboration(kinds=1)},
}


@pytest.fixture
def settings(read: Callable[[str], Settings]) -> Settings:
    """A whole configuration, with one host."""
    return replace(read(""), mode=Mode.EVACUATE, plans={HOST: PLAN})


def of_host(settings: Settings, plan: HostPlan) -> list[str]:
    return list(dangers(settings, replace(settings, plans={HOST: plan})))


@pytest.mark.parametrize("text", LOOSER)
def test_d4_a_host_that_more_may_be_done_to_is_told(settings: Settings, text: str) -> None:
    looser = replace(PLAN, **LOOSER[text])
    assert of_host(settings, looser) == [f"{text}: {HOST}"]
    tightened = replace(settings, plans={HOST: looser})
    assert list(dangers(tightened, settings)) == []


def test_d4_a_kind_that_may_be_enough_alone_now_is_told(settings: Settings) -> None:
    strict = replace(PLAN, corroboration=Corroboration(never_alone=frozenset({"ping"})))
    before = replace(settings, plans={HOST: strict})
    assert list(dangers(before, settings)) == [f"kinds that were never enough alone may be: {HOST}"]
    assert of_host(settings, strict) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (Mode.NOTIFY, Mode.FENCE, [f"mode: notify -> fence: {HOST}"]),
        (Mode.NOTIFY, Mode.EVACUATE, [f"mode: notify -> fence: {HOST}"]),
        (Mode.OBSERVE, Mode.NOTIFY, []),
        (Mode.EVACUATE, Mode.OBSERVE, []),
    ],
)
def test_d4_a_higher_ceiling_is_told_of_the_hosts_that_it_raises(
    settings: Settings, old: Mode, new: Mode, told: list[str]
) -> None:
    assert list(dangers(replace(settings, mode=old), replace(settings, mode=new))) == told


def test_d4_a_witness_or_a_second_device_that_is_gone_is_told(settings: Settings) -> None:
    witness = replace(make.BMC, name="ilo", tells_host=True)
    sure = replace(PLAN, levels=(make.level(make.BMC, make.PDU), make.level(witness)))
    before = replace(settings, plans={HOST: sure})
    for levels in (
        (make.level(make.BMC), make.level(witness)),
        (make.level(make.BMC, make.PDU), make.level(replace(witness, tells_host=False))),
        (make.level(make.BMC, make.PDU), make.MANUAL),
    ):
        after = replace(settings, plans={HOST: replace(sure, levels=levels)})
        assert list(dangers(before, after)) == [
            f"fewer power devices contradict each other: {HOST}"
        ]
        assert list(dangers(after, before)) == []


@pytest.mark.parametrize("trust", Trust)
def test_d4_a_source_that_is_enough_alone_now_is_told(
    read: Callable[[str], Settings], trust: Trust
) -> None:
    text = "sources: [{name: am, type: sample-monitor, auth: {bearer_file: token}}]\n"
    whole = read(text)
    (one,) = whole.sources
    other = replace(one, terms=replace(one.terms, trust=trust))
    second = replace(one, terms=replace(one.terms, trust=Trust.SECOND))
    before, after = replace(whole, sources=(second,)), replace(whole, sources=(other,))
    told = ["source am: trust: alone"] if trust is Trust.ALONE else []
    assert list(dangers(before, after)) == told
    assert list(dangers(replace(whole, sources=()), after)) == told
    assert list(dangers(after, before)) == []


@pytest.mark.parametrize("name", [one.name for one in fields(Policy) if one.name != "off_reads"])
def test_d4_a_limit_is_looser_in_one_direction_at_most(settings: Settings, name: str) -> None:
    limit = getattr(settings.policy, name)
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        limit = 1
    more = replace(settings, policy=replace(settings.policy, **{name: limit * 2 + 1}))
    less = replace(settings, policy=replace(settings.policy, **{name: limit}))
    up, down = list(dangers(less, more)), list(dangers(more, less))
    assert not (up and down)
    assert all(text.startswith(f"{name}: ") for text in up + down)


@pytest.mark.parametrize("name", ["budget_total", "mass_ratio", "refences_max"])
def test_d4_a_larger_budget_is_told(settings: Settings, name: str) -> None:
    more = replace(settings.policy, **{name: getattr(settings.policy, name) * 2})
    assert len(list(dangers(settings, replace(settings, policy=more)))) == 1


@pytest.mark.parametrize("name", ["off_reads", "off_hold_s", "grace_s"])
def test_d4_a_weaker_proof_is_told(settings: Settings, name: str) -> None:
    less = replace(settings.policy, **{name: getattr(settings.policy, name) / 2})
    assert len(list(dangers(settings, replace(settings, policy=less)))) == 1


def test_a_host_that_is_new_or_gone_is_none(settings: Settings) -> None:
    empty = replace(settings, plans={})
    assert [*dangers(empty, settings), *dangers(settings, empty)] == []
