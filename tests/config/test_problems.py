"""With which words a faulty file is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon import plugins
from doctor_daemon.config.problems import LETTERS_MAX, SHOWN_MAX
from doctor_daemon.config.reference import shown
from doctor_daemon.ports.secrets import remember

Refusal = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mode: fnce", "3: mode: found 'fnce'; expected observe, notify, fence or evacuate"),
        ("mode: 1", "3: mode: found 1; expected observe, notify, fence or evacuate"),
        ("mode:", "3: mode: found nothing; expected observe, notify, fence or evacuate"),
        ("lisen: x", "3: lisen: unknown option; did you mean 'listen'?"),
        ("zzz: x", "3: zzz: unknown option; expected one of: mode, listen, tls, metrics_listen,"),
        ("listen: 127.0.0.1", "found '127.0.0.1'; expected an IP address and a port"),
        ("listen: localhost:1", "found 'localhost:1'; expected an IP address and a port"),
        (
            "listen: '::1:80'",
            "expected an IP address and a port, as 127.0.0.1:12345 or [::1]:12345",
        ),
        ("listen: '[127.0.0.1]:80'", "expected an IP address and a port"),
        ("listen: 127.0.0.1:65536", "expected an IP address and a port"),
        ("listen: 127.0.0.1:-1", "expected an IP address and a port"),
        ("listen: 12345", "found 12345; expected an IP address and a port"),
        (
            "listen: 127.0.0.1:80\nmetrics_listen: 127.0.0.1:80",
            "4: metrics_listen: found 127.0.0.1:80 again; expected another address",
        ),
        ("log: {format: xml}", "log.format: found 'xml'; expected 'json' or 'text'"),
        ("log: debug", "log: found text; expected a mapping"),
        ("timing: {looks_max: 1.5}", "timing.looks_max: found 1.5; expected a whole number"),
        ("timing: {looks_max: '3'}", "timing.looks_max: found '3'; expected a whole number"),
        ("timing: {looks_max: true}", "timing.looks_max: found true; expected a whole number"),
        ("timing: {grace_s: .inf}", "timing.grace_s: found '.inf'; expected a number"),
        ("timing: {grace_s: -1}", "timing.grace_s: found -1; expected at least 0"),
        ("timing: {grace_s: 99999}", "timing.grace_s: found 99999; expected at most 3600"),
        ("timing: {graces: 1}", "timing.graces: unknown option; did you mean 'grace_s'?"),
        ("operators: {socket: 5}", "operators.socket: found 5; expected text"),
        ("sources: x", "sources: found text; expected a list"),
        ("sources: [x]", "sources[0]: found text; expected a mapping"),
        ("sources: [{type: 5}]", "sources[0].type: found 5; expected text"),
        ("consumers: [{name: A}]", "consumers[0].name: found 'A'; expected a name of a-z"),
        ("consumers: [{}]", "consumers[0].name: missing; expected: the consumer's name, in the"),
        ("hosts: [{names: 5}]", "hosts[0].names: found 5; expected a name or a pattern"),
        ("hosts: [{names: [5]}]", "hosts[0].names: found a list; expected a name or a pattern"),
        (
            "hosts: [{names: a, levels: [[]]}]",
            "expected a list of power devices, or the word manual",
        ),
        ("hosts: [{names: a, levels: manual}]", "hosts[0].levels: found text; expected a list"),
        ("hosts: [{names: a, protected: true}]", "hosts[0].protected: found true; expected text"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_path_found_and_expected(
    refused: Refusal, text: str, words: str
) -> None:
    told = refused(text + "\n")
    assert words in told
    assert all(line.startswith("doctor-daemon.yaml:") for line in told.splitlines())


def test_all_faults_are_told_at_once_and_in_order(refused: Refusal) -> None:
    told = refused(
        """\
mode: fnce
timing: {off_reads: 2, off_hold: 5}
sources:
- {name: am, type: sample-monitor, trst: alone, auth: {bearer_file: token}, match: {labl: x}}
- {name: am, type: sample-moniter, auth: {bearer_file: none}}
- {name: dr, type: sample-monitor, auth: {}}
consumers:
- {name: vnfm, type: sample-hook, url: 5}
hosts:
- names: [a, "b[2-1]"]
  levels: [[{type: sample-bmc, url: http://x, password_file: bmc, uuid: 1}]]
- names: c
  levels: [[{type: sample-bmc, url: http://x, password_file: bmc, uuid: x}]]
"""
    )
    assert [line.removeprefix("doctor-daemon.yaml:") for line in told.splitlines()] == [
        "3: mode: found 'fnce'; expected observe, notify, fence or evacuate",
        "4: timing.off_reads: found 2; expected at least 3",
        "4: timing.off_hold: unknown option; did you mean 'off_hold_s'?",
        "6: sources[0].match.labl: unknown option; did you mean 'label'?",
        "6: sources[0].trst: unknown option; did you mean 'trust'?",
        (
            "7: sources[1].type: there is no type 'sample-moniter' in doctor_daemon.inspectors; "
            f"there are: {', '.join(plugins.names(plugins.INSPECTORS))}; "
            "did you mean 'sample-monitor'?"
        ),
        "7: sources[1].name: found 'am' twice; expected each name once",
        (
            "7: sources[1].auth.bearer_file: none: the secret cannot be read: "
            "No such file or directory"
        ),
        (
            "8: sources[2].auth: found none; "
            "expected exactly one of bearer_file, token_file, keystone_roles, hmac_files, "
            "certificates, addresses, or hmac_files with certificates"
        ),
        "10: consumers[0].url: found 5; expected text",
        "10: consumers[0].secret_file: missing",
        "12: hosts[0].names: found 'b[2-1]'; expected 2-1 to ascend",
        "13: hosts[0].levels[0][0].uuid: found 1; expected text",
        (
            "15: hosts[1].levels[0][0].uuid: found 'x'; expected a UUID, "
            "as 00112233-4455-6677-8899-aabbccddeeff (host c)"
        ),
    ]


def test_a_missing_cloud_is_told(refused: Refusal) -> None:
    told = refused("mode: observe\n", head="")
    assert "doctor-daemon.yaml:1: cloud: missing; expected: the cloud's control plane" in told


def test_there_is_an_end_to_what_is_told(refused: Refusal) -> None:
    told = refused("".join(f"option{number}: 1\n" for number in range(SHOWN_MAX + 7)))
    assert len(told.splitlines()) == SHOWN_MAX + 1
    assert told.endswith("\nand 7 problems more")


@pytest.mark.parametrize(
    "text",
    [
        "consumers: [{name: a, type: sample-hook, url: 'https://x', password: hunter2x}]",
        "consumers: [{name: a, type: sample-hook, url: 'https://x', secret: [hunter2x]}]",
        "sources: [{name: a, type: sample-monitor, auth: hunter2x}]",
        "sources: [{name: a, type: sample-monitor, auth: [hunter2x]}]",
        "sources: [{name: a, type: sample-monitor, auth: {secret: hunter2x}}]",
        "hosts: [{names: a, levels: [[{type: sample-bmc, uuid: 1, password: hunter2x}]]}]",
        "hosts: [{names: a, levels: [[{type: sample-bmc, uuid: x, password: hunter2x}]]}]",
        "consumers: [{name: a, type: sample-hook, url: ['https://me:hunter2x@h/']}]",
        (
            "hosts: [{names: a, levels: [[{type: sample-bmc, url: 'ftp://me:hunter2x@h/', "
            "uuid: 00112233-4455-6677-8899-aabbccddeeff, password_file: bmc}]]}]"
        ),
        "secret_token: hunter2x",
    ],
)
def test_i16_a_secret_in_the_wrong_place_is_not_repeated(refused: Refusal, text: str) -> None:
    assert "hunter2x" not in refused(text)


def test_i16_a_secret_that_was_read_is_struck_out(refused: Refusal) -> None:
    remember("swordfish-7")
    told = refused("mode: swordfish-7\nswordfish-7: 1\n")
    assert "swordfish" not in told
    assert "found '[redacted]'" in told


def test_e3_a_key_cannot_forge_a_line(refused: Refusal) -> None:
    told = refused('"a\\nb\\u001b[2J": 1\n')
    assert told.count("\n") == 0
    assert "a\\nb\\x1b[2J: unknown option" in told


def test_a_long_value_is_cut(refused: Refusal) -> None:
    assert len(refused(f"mode: {'x' * 10_000}")) < 200


def test_hosts_that_share_a_fault_share_a_line(refused: Refusal) -> None:
    told = refused(
        "hosts:\n"
        '- names: "c[1-500]"\n'
        "  levels: [[{type: sample-bmc, url: 'http://{n}', password_file: bmc, uuid: '{bmc}'}]]\n"
    )
    assert told == (
        "doctor-daemon.yaml:5: hosts[0].levels[0][0].uuid: {bmc} stands for nothing; "
        "expected one of {host}, {n} (host c1 and 499 more)"
    )


def test_a_wrong_kind_of_plugin_is_told_once_for_many_hosts(refused: Refusal) -> None:
    told = refused(
        "hosts: [{names: 'c[1-9]', levels: [[{type: sample-bm, uuid: 1, x: 1}]]},\n"
        "  {names: 'd[1-9]', levels: [[{type: sample-bm, uuid: '{n}', x: 1}]]}]\n"
    )
    assert told.count("did you mean 'sample-bmc'?") == 1


def test_defaults_are_shown_as_the_file_has_them() -> None:
    assert [shown(value) for value in (True, 2.0, 0.5, (), ("a", "b"), "", "x")] == [
        "true",
        "2",
        "0.5",
        "[]",
        "[a, b]",
        '""',
        "x",
    ]


def test_problems_with_long_texts_are_told_as_far_as_anybody_reads(refused: Refusal) -> None:
    """Each unknown option is answered by a list of those there are."""
    told = refused("".join(f"o{number}{'x' * 900}: 1\n" for number in range(SHOWN_MAX)))
    shown = told.splitlines()
    assert len(told) <= LETTERS_MAX + len(shown[-1]) + 1
    assert 1 < len(shown) < SHOWN_MAX
    assert shown[-1] == f"and {SHOWN_MAX - len(shown) + 1} problems more"


def test_an_option_with_an_endless_name_is_told_in_short(refused: Refusal) -> None:
    told = refused(f"? {'x' * 100_000}\n: 1\n")
    assert ": xxx" in told
    assert len(told) < LETTERS_MAX // 25 + 20
