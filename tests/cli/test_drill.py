"""`doctor-daemon drill`: what can be typed, and what the configuration does not let be drilled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.cli.arguments import CONFIG, parse
from doctor_daemon.cli.checks import check_offline
from doctor_daemon.cli.drill.clouds import clouds
from doctor_daemon.cli.drill.refusals import PREFIX, allowed
from doctor_daemon.cli.drill.report import Declined, Report
from doctor_daemon.config import Settings, load
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import ConfigError

BMC = {
    "type": "redfish",
    "url": "https://bmc.example",
    "username": "doctor",
    "password_file": "secret",
    "uuid": "00112233-4455-6677-8899-aabbccddeeff",
}
GOOD = {
    "names": "a",
    "aliases": "a.example",
    "mode": "evacuate",
    "shared_storage": True,
    "levels": [[BMC], "manual"],
}


def settings(folder: Path, host: dict[str, object] | None = None, **more: object) -> Settings:
    """Load a file with one host that may be drilled, and one that may not."""
    secret = folder / "secret"
    secret.touch(0o600)
    secret.write_text("a-secret")
    document: dict[str, object] = {
        "mode": "evacuate",
        "state": {"type": "memory"},
        "cloud": {"type": "nova", "clouds_file": "secret", "cloud": "admin"},
        "drill": {"hosts": "a", "image": "i", "flavor": "f"},
        "hosts": [{**GOOD, **(host or {})}, {"names": "b"}],
        **more,
    }
    path = folder / "doctor-daemon.yaml"
    said = {key: value for key, value in document.items() if value is not None}
    path.write_text(json.dumps(said))  # JSON is YAML
    return load(path)


def test_what_may_be_typed() -> None:
    options = parse(["drill", "--canary", " compute-1 "])
    assert (options.command, options.canary, options.config) == ("drill", "compute-1", CONFIG)
    assert (options.why, options.socket, options.yes, options.json) == (
        "a drill",
        None,
        False,
        False,
    )
    words = ["--config", "c", "--socket", "s", "--why", "w", "--yes", "--json"]
    options = parse(["drill", "--canary", "b", *words])
    assert (options.config, options.socket) == (Path("c"), Path("s"))
    assert (options.why, options.yes, options.json) == ("w", True, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "the following arguments are required: --canary"),
        (["compute-1"], "the following arguments are required: --canary"),
        (["--canary", " "], "found nothing; expected the name of a host"),
        (["--canary", "b", "--force"], "unrecognized arguments: --force"),
    ],
)
def test_what_is_half_or_wrong_is_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["drill", *words])
    assert caught.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["a", "a.example", "A.Example"])
def test_a_host_that_may_be_drilled(tmp_path: Path, name: str) -> None:
    drill, plan = allowed(settings(tmp_path), name)
    assert (plan.host, drill.image) == (HostId("default", "a"), "i")


@pytest.mark.parametrize(
    ("more", "name", "why"),
    [
        ({"drill": None}, "a", "has no section `drill`: see docs/operations.md, Drills"),
        ({}, "c", "c is not in the configuration"),
        ({}, "b", "b may not be drilled: drill.hosts names a"),
        ({"mode": "fence"}, "a", "the mode of a is fence: only in mode evacuate"),
        ({"host": {"mode": "notify"}}, "a", "the mode of a is notify: only in mode evacuate"),
        ({"host": {"protected": "a head node"}}, "a", "a is protected: a head node"),
        ({"host": {"levels": ["manual"]}}, "a", "a is fenced by a human first"),
        ({"host": {"levels": []}}, "a", "a is fenced by a human first"),
        ({"host": {"evacuate": "none"}}, "a", "a canary of a would not be moved: nothing is moved"),
        ({"host": {"shared_storage": False}}, "a", "a canary of a would not be moved: its disk"),
    ],
)
def test_what_the_configuration_does_not_let_be_drilled(
    tmp_path: Path, more: dict[str, Any], name: str, why: str
) -> None:
    found = settings(tmp_path, **more)
    with pytest.raises(Declined) as caught:
        allowed(found, name)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "host", [{"evacuate": "tagged"}, {"shared_storage": False, "i_accept_lost_disks": True}]
)
def test_a_canary_is_tagged_to_be_moved(tmp_path: Path, host: dict[str, object]) -> None:
    assert allowed(settings(tmp_path, host), "a")


async def test_another_entry_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").touch(0o600)
    (tmp_path / "clouds.yaml").write_text(
        "clouds: {admin: {auth: {auth_url: http://127.0.0.1:1/v3, username: u, "
        "password: canarys-own-word}}}"
    )
    found = settings(
        tmp_path,
        cloud={"type": "nova", "clouds_file": "clouds.yaml", "cloud": "admin"},
        drill={"hosts": "a", "image": "i", "flavor": "f", "cloud": "canaries"},
    )
    with pytest.raises(ConfigError, match=r"clouds.canaries: not found; the file has: admin"):
        async with clouds(found):
            pass
    none, lines = check_offline(found.file)
    assert none is None
    assert "clouds.canaries: not found" in lines[0]


def test_a_report_says_what_is_left_and_spells_out_what_a_terminal_would_obey(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("a")
    report.canary.name, report.canary.id = f"{PREFIX}1", "s1"
    report.begin("boot", "a canary")
    report.note("the canary is left\x1b[2J")
    report.end("failed", "no room")
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "FAILED at boot: no room" in said
    lines = list(report.lines())
    assert lines[0] == "drill of a: FAILED"
    assert lines[1] == "  why           boot: no room"
    assert lines[2].startswith("  left          the canary is left")
    assert lines[3] == f"  canary        {PREFIX}1 s1: nowhere -> ?"
