"""A source is heard of its own hosts alone, whatever its inspector does."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.holding import Answer, Said, Word
from doctor_daemon.core.host import HostId, ServerId
from doctor_daemon.engine.narrowed import Limited, Narrowed, narrowed
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import SourceTerms
from doctor_daemon.ports.refusal import Refusal
from tests.engine.rig import HOST, OTHER
from tests.inspectors.rig import Ledger

OWN = SourceTerms("rack", Trust.ALONE, 300, hosts=frozenset({HOST.name}))


def said(ledger: Ledger, host: HostId) -> Evidence:
    return Evidence(
        host=host,
        verdict=Verdict.DOWN,
        source="rack",
        kind="script",
        trust=Trust.ALONE,
        key=host.name,
        fingerprint="f",
        summary="",
        received_at=ledger.now(),
    )


async def test_e1_what_is_said_of_a_host_of_others_is_not_taken_and_neither_is_the_rest() -> None:
    ledger = Ledger()
    intake = narrowed(ledger, OWN)
    with pytest.raises(Refusal, match="of cmp-2 this source may not speak") as refused:
        await intake.submit([said(ledger, HOST), said(ledger, OTHER)])
    assert (refused.value.status, ledger.taken) == (403, [])
    await intake.submit([said(ledger, HOST)])
    assert len(ledger.taken) == 1


def test_a_source_knows_its_own_hosts_by_all_their_names() -> None:
    ledger = Ledger()
    intake = Narrowed(ledger, frozenset({HOST.name}))
    assert [intake.host(name) for name in ("cmp-1", "cmp-1.example", "cmp-2", "cmp-3")] == [
        *(HOST, HOST, None, None)
    ]
    assert [intake.outside(name) for name in ("cmp-1.example", "cmp-2", "cmp-3")] == [
        *(False, True, False)
    ]
    assert intake.now() == ledger.now()


async def test_words_about_servers_are_bounded_by_projects_and_not_by_hosts() -> None:
    ledger = Ledger()
    ledger.waiting["s1"] = "red"
    word = Said(ServerId("s1"), Word.GO, "rack", ledger.now())
    assert await narrowed(ledger, OWN).answer(word, frozenset({"red"})) is Answer.TAKEN


def test_without_a_list_nothing_is_between() -> None:
    ledger = Ledger()
    assert narrowed(ledger, SourceTerms("any", Trust.ALONE, 300)) is ledger


async def test_d4_a_source_that_is_in_force_no_more_hands_in_nothing() -> None:
    ledger, retired = Ledger(), list[bool]()
    intake = Limited(ledger, "rack", lambda: bool(retired))
    await intake.submit([said(ledger, HOST)])
    retired.append(True)
    with pytest.raises(Temporary, match="rack has been changed"):
        await intake.submit([said(ledger, OTHER)])
    with pytest.raises(Temporary, match="rack has been changed"):
        await intake.answer(Said(ServerId("s1"), Word.GO, "rack", ledger.now()), None)
    assert (len(ledger.taken), ledger.answers) == (1, [])
    assert (intake.host("cmp-1"), intake.now()) == (HOST, ledger.now())
