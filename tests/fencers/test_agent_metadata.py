"""What is refused of a fence agent before a host fails: by its metadata, and by its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.errors import ConfigError, Permanent
from doctor_daemon.fencers.agent_metadata import parse_metadata
from doctor_daemon.fencers.fence_agent import FenceAgent
from tests.contracts.fence_rigs import fence_agent, put_secret
from tests.fakes.clock import BootClock
from tests.fencers.agents import METADATA, scripted


def refusal(agent: str, **options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        fence_agent(agent, BootClock(), **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("fence_kdump", "the agent has no status: its off could never be verified"),
        ("fence_scsi", "the agent has no reboot: it fences storage or networks"),
        ("fence_brocade", "the agent has no reboot"),
        ("fence_heuristics_ping", "this agent cuts no host's power"),
        ("fence_evacuate", "this agent cuts no host's power"),
        ("fence_rcd_serial", "the agent has no off and no status"),
    ],
)
def test_b1_an_agent_that_cannot_prove_anything_is_refused(agent: str, words: str) -> None:
    assert words in refusal(agent)


def test_d5_an_agent_that_cuts_nothing_is_refused() -> None:
    assert refusal("fence_dummy") == "fence_dummy: this agent cuts no host's power"


def test_d3_what_is_missing_or_unknown_is_told_at_once() -> None:
    assert refusal("fence_apc", parameters={"ipadr": "192.0.2.1", "login": "doctor"}) == (
        "fence_apc: the agent knows no parameter 'ipadr'; did you mean 'ipaddr'?\n"
        "fence_apc: the agent needs the parameter 'ip'\n"
        "fence_apc: the agent needs the parameter 'plug'"
    )


@pytest.mark.parametrize("names", [("ip", "username", "plug"), ("ipaddr", "login", "port")])
def test_parameters_may_be_given_by_either_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    given = dict.fromkeys(names, "1")
    secrets = {"password": put_secret(tmp_path / "password", "secret")}
    device = fence_agent("fence_apc", BootClock(), parameters=given, secrets=secrets)
    assert device.name == "agent"


def test_one_parameter_by_both_of_its_names_is_refused() -> None:
    given = {"ip": "1", "ipaddr": "2", "username": "3", "plug": "4"}
    assert refusal("fence_apc", parameters=given) == (
        "fence_apc: 'ipaddr' and 'ip' are the same parameter"
    )


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-7", "utf-16", "gb2312", "klingon", "hex"])
def test_what_metadata_says_of_its_encoding_does_not_count(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><resource-agent name="fence_ü"/>'
    assert parse_metadata(text).agent == "fence_ü"


def test_a_name_may_have_dashes() -> None:
    metadata = parse_metadata(METADATA)
    assert [*metadata.faults({"ip": 1})] == []
    assert [*metadata.faults({"i-p": 1})] == [
        "the agent knows no parameter 'i_p'; did you mean 'ip'?"
    ]


def test_an_alias_needs_a_list() -> None:
    words = refusal("fence_ipmilan", parameters={"ip": "1", "plug": "1"}, alias="cmp-1")
    assert words == "fence_ipmilan: alias: the agent has no list"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("fence_absent", "agent: there is no fence_absent in /usr/sbin:/usr/bin"),
        ("/absent/fence_apc", "agent: there is no /absent/fence_apc"),
    ],
)
def test_an_agent_that_is_not_there_is_told(agent: str, words: str) -> None:
    assert refusal(agent).startswith(words)


def test_e4_an_agent_that_others_may_change_is_refused(tmp_path: Path) -> None:
    agent = scripted(tmp_path, "exit 0")
    agent.chmod(0o777)
    assert "has the mode 0777; expected 0755" in refusal(str(agent))
    agent.chmod(0o644)
    assert "has the mode 0644; expected 0755" in refusal(str(agent))


BILLION = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<resource-agent name="&c;"/>"""
OUTSIDE = """<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><resource-agent name="&x;"/>"""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BILLION, "has a document type"),
        (OUTSIDE, "has a document type"),
        ("<!DOCTYPE resource-agent SYSTEM 'ra-api-1.dtd'><resource-agent/>", "a document type"),
        ("", "is no XML"),
        ("Usage: fence_it", "is no XML"),
        ("<resource-agent>", "is no XML"),
        ("<resource-agent name='&x;'/>", "is no XML"),
        ("<html/>", "is a html, not a resource-agent"),
        ("<a>" * 100_000, "is a a, not a resource-agent"),
    ],
)
def test_e5_metadata_is_read_safely(content: str, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        parse_metadata(content)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "it does not say what it is: exit status 1"),
        ("yes", "it does not say what it is: it printed more than 16 MiB"),
        ("echo words", "the agent's metadata is no XML"),
    ],
)
def test_b16_an_agent_that_does_not_say_what_it_is_is_refused(
    tmp_path: Path, script: str, words: str
) -> None:
    agent = tmp_path / "fence_bad"
    agent.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    agent.chmod(0o755)
    assert refusal(str(agent)).startswith(f"agent: {agent}: {words}")


def test_an_agent_is_asked_once_and_again_when_it_was_changed(tmp_path: Path) -> None:
    agent = scripted(tmp_path, "exit 0")
    fence_agent(str(agent), BootClock(), parameters={"ip": 1})
    scripted(tmp_path, "exit 0", METADATA.replace('name="ip" ', 'name="address" '))
    assert "knows no parameter 'ip'" in refusal(str(agent), parameters={"ip": 1})


async def test_it_may_be_made_while_a_loop_runs(tmp_path: Path) -> None:
    assert fence_agent(str(scripted(tmp_path, "exit 0")), BootClock()).name == "agent"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parameters": {"action": "off"}}, "'action' is no parameter that is given here"),
        ({"parameters": {"Action": "off"}}, "'Action' is no parameter"),
        ({"parameters": {"debug-file": "x"}}, "'debug-file' is no parameter"),
        ({"parameters": {"a\nb": "x"}}, "is no parameter"),
        ({"parameters": {"ip": "1\naction=reboot"}}, "ip: expected one printable line"),
        ({"parameters": {"method": "cycle"}}, "method: expected onoff"),
        ({"parameters": {"password": "x"}}, "password is a secret; name its file under"),
        ({"parameters": {"snmp_priv_passwd": "x"}}, "snmp_priv_passwd is a secret"),
        ({"parameters": {"ip": 1}, "alias": "x"}, "alias: expected a `plug`"),
        (
            {"parameters": {"ip": 1}, "secrets": {"ip": "/absent"}},
            "secrets: ip stands under `parameters`, too",
        ),
        ({"i_accept_no_identity": False}, "the agent cannot say which machine it cuts"),
        ({"agent": "fence_apc -o off"}, "agent"),
        ({"agent": "fence_apc; reboot"}, "agent"),
    ],
)
def test_options_that_would_harm_are_refused(options: dict[str, object], words: str) -> None:
    whole = {"agent": "fence_apc", "i_accept_no_identity": True, **options}
    with pytest.raises(ValueError, match=words):
        FenceAgent.Config.model_validate(whole)


@pytest.mark.parametrize(
    "options",
    [
        {"parameters": {"plug": 1}, "alias": "x"},
        {"parameters": {"port": "1"}, "alias": "x"},
        {"i_accept_no_identity": True},
        {"parameters": {"method": "onoff", "ip": "192.0.2.1"}, "i_accept_no_identity": True},
        {"parameters": {"ssl": True, "login_timeout": 5}, "i_accept_no_identity": True},
        {
            "parameters": {"ip": 1},
            "secrets": {"password": "/absent"},
            "i_accept_no_identity": True,
        },
    ],
)
def test_options_that_do_no_harm_are_taken(options: dict[str, object]) -> None:
    assert FenceAgent.Config.model_validate({"agent": "fence_apc", **options}).agent == "fence_apc"
