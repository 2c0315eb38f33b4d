"""Warnings, and the offline check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_daemon.config import Settings, check, load
from tests.config.conftest import HEAD

Reading = Callable[..., Settings]

CALM = """\
sources: [{name: am, type: sample-monitor, trust: alone, auth: {bearer_file: token}}]
consumers: [{name: a, type: sample-hook, url: x, secret_file: hook}]
"""


def device(n: int) -> str:
    return f"{{type: sample-bmc, url: https://x, password_file: bmc, uuid: '{n:032}'}}"


def host(name: str, levels: str, more: str = "") -> str:
    mode = "" if "mode:" in more else ", mode: fence"
    return f"{{names: {name}, domain: r, levels: [{levels}]{mode}{more}}}"


MOVES = ", mode: evacuate"
LOSSY = MOVES + ", i_accept_lost_disks: true"


def test_a_calm_configuration_has_no_warnings(read: Reading) -> None:
    witness = device(1).replace("uuid", "name: chassis, tells: host, uuid")
    for levels in (f"[{witness}], [{witness}], manual", f"[{device(1)}, {witness}], manual"):
        named = levels.replace("chassis", "other", 1)
        assert read(f"{CALM}hosts: [{host('a', named)}]\n").warnings == ()


@pytest.mark.parametrize("tells", ["host", "supply"])
def test_b1_a_device_that_nobody_contradicts_is_named(read: Reading, tells: str) -> None:
    """Neither a human nor an outlet that reads ON speaks against a BMC that says Off."""
    outlet = device(1).replace("uuid", "name: outlet, tells: supply, uuid")
    bmc = device(1).replace("uuid", f"tells: {tells}, uuid")
    for levels in (f"[{bmc}], manual", f"[{bmc}], [{outlet}]"):
        (warning,) = read(f"{CALM}hosts: [{host('a', levels)}]\n").warnings
        assert warning.startswith("hosts with a power device that no other contradicts: a: where")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("listen: 0.0.0.0:1", "listen: 0.0.0.0:1 takes evidence in plain HTTP"),
        ("listen: '[2001:db8::1]:1'", "listen: [2001:db8::1]:1 takes evidence in plain HTTP"),
        ("", "no sources: no evidence can come in"),
        ("", "no consumers: nobody will be told"),
        ("", "no hosts: evidence about any host is refused"),
        (
            "sources: [{name: am, type: sample-monitor, auth: {bearer_file: token}}]",
            "the only one needs a second kind of evidence",
        ),
        (
            (
                "sources: [{name: dr, type: sample-monitor, auth: {addresses: [127.0.0.1], "
                "i_accept_unauthenticated: true}}]"
            ),
            "none is authenticated, so no host can ever be fenced",
        ),
        (
            (
                "sources: [{name: dr, type: sample-monitor, auth: {addresses: [127.0.0.1], "
                "i_accept_unauthenticated: true}}]"
            ),
            "dr is not authenticated",
        ),
        (f"hosts: [{host('a', '')}]", "have no level, and will be held: a"),
        (
            f"hosts: [{host('a', f'[{device(1)}]')}, {host('b', 'manual')}]",
            "hosts without a second level: a, b: they are held when their level fails",
        ),
        (
            "hosts: [" + ", ".join(host(f"c{n}", f"[{device(n)}]") for n in range(1, 9)) + "]",
            "hosts without a second level: c1, c2, c3, c4, c5 and 3 more:",
        ),
        (
            (
                f"hosts: [{host('a', f'[{device(1)}], [{device(1)}], [{device(1)}], manual')}]\n"
                "timing: {evidence_age_s: 289}"
            ),
            "timing: the last of 3 levels may come 290 s after the evidence",
        ),
        ("timing: {grace_s: 0}", "grace_s is 0: nothing can be taken back in time"),
        ("timing: {warm_up_s: 0}", "warm_up_s is 0: a daemon that has just started cuts before"),
        ("hosts: [{names: 'c[1-4]'}]", "total is as many as there are hosts"),
        ("hosts: [{names: a}, {names: b, domain: r}]", "hosts: a have no domain"),
        (
            f"hosts: [{host('a', f'[{device(1)[:-1]}, verify: false}}], manual')}]",
            "the TLS certificates of 1 power devices are not verified",
        ),
        (
            f"mode: evacuate\nhosts: [{host('a', 'manual', MOVES)}, {host('b', 'manual')}]",
            "hosts without shared_storage: a: only their servers that boot from volumes are moved",
        ),
        (
            f"mode: evacuate\nhosts: [{host('a', 'manual', LOSSY)}]",
            "hosts with i_accept_lost_disks: a: their servers that were booted from images begin",
        ),
    ],
)
def test_what_should_be_known_is_a_warning(read: Reading, text: str, warning: str) -> None:
    found = read(f"{text}\n").warnings
    assert any(warning in line for line in found), found


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("evacuate", ", mode: evacuate, shared_storage: true"),
        ("evacuate", ", mode: evacuate, shared_storage: true, i_accept_lost_disks: true"),
        ("evacuate", ", mode: evacuate, evacuate: none"),
        ("evacuate", ""),
        ("fence", ", mode: evacuate"),
    ],
)
def test_of_disks_nothing_is_said_where_nothing_is_lost_or_left(
    read: Reading, mode: str, more: str
) -> None:
    text = f"mode: {mode}\nhosts: [{host('a', 'manual', more)}]\n"
    assert not [line for line in read(text).warnings if "disks" in line or "storage" in line]


def test_a_protected_host_needs_no_level(read: Reading) -> None:
    found = read(f"{CALM}hosts: [{host('a', '', ', protected: runs the controllers')}]\n")
    assert found.warnings == ()


def test_an_inventorys_unused_hosts_are_named(read: Reading, folder: Path) -> None:
    (folder / "inv.yaml").write_text("a: {}\nb: {}\nc: {}\n")
    text = "hosts: [{names: a, inventory_file: inv.yaml}, {names: c, inventory_file: inv.yaml}]\n"
    assert f"{folder}/inv.yaml: no entry uses b" in read(text).warnings


def test_memory_as_a_store_is_warned_of(read: Reading) -> None:
    head = "cloud: {type: sample-cloud}\nstate: {type: memory}\n"
    assert any("memory keeps nothing" in line for line in read("", head).warnings)


def test_loading_again_gives_the_same(read: Reading) -> None:
    settings = read(f"{CALM}hosts: [{host('a', f'[{device(1)}], manual')}]\n")
    assert load(settings.file) == settings


def test_a_report_of_a_good_file(read: Reading) -> None:
    own = "own_side: {reference_points: ['10.0.0.1:443']}\n"
    file = read(f"{CALM}{own}hosts: [{host('a', f'[{device(1)}]')}]\nmode: fence\n").file
    report = check(file)
    assert report.errors == ()
    assert report.settings == load(file)
    assert [line.replace(f"{file.parent}/", "") for line in report.lines[1:]] == [
        "doctor-daemon.yaml: valid",
        "mode: fence; no host goes beyond it",
        "hosts: 1 (1 fence), 0 protected, in 1 failure domains; 1 power devices; 0 aliases",
        "cloud: default (sample-cloud); state: sample-shelf",
        "source: am (sample-monitor), trust alone, authenticated by bearer",
        "consumer: a (sample-hook)",
        (
            "timing: proven off no earlier than 12 s after the first evidence; "
            "at most 2 hosts a domain and 4 in all in 900 s"
        ),
    ]
    assert report.lines[0].startswith("warning: hosts without a second level: a:")


def test_a_report_of_a_bad_file(folder: Path) -> None:
    file = folder / "bad.yaml"
    file.write_text(f"{HEAD}mode: x\nlisten: x\n")
    report = check(file)
    assert (len(report.errors), report.settings) == (2, None)
    assert report.lines[0].startswith(f"error: {file}:3: mode: found 'x'")
    assert report.lines[-1] == f"{file}: 2 errors"


def test_a_report_of_no_file(tmp_path: Path) -> None:
    assert "No such file or directory" in check(tmp_path / "none.yaml").lines[0]


def test_a_relative_path_is_from_the_files_folder(
    read: Reading, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert read("operators: {socket: run/d.sock}\n").operators.socket == folder / "run/d.sock"
    monkeypatch.chdir(folder)
    assert load(Path("doctor-daemon.yaml")).file == folder / "doctor-daemon.yaml"
