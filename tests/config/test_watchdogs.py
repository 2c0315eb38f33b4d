"""D3: hosts' own watchdogs: what must fit is computed, and refused below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.engine.clock import SystemClock
from doctor_daemon.engine.making import power_devices
from doctor_daemon.engine.own_probes import Answers
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.fencers.watchdog import Watchdog
from doctor_daemon.metrics import Metrics
from doctor_daemon.plugins import Faults
from tests.heartbeat.beats import OF_ALL
from tests.heartbeat.lifelines import lifelines

Reading = Callable[..., Settings]
Refusal = Callable[..., str]

UUID = "uuid: 00112233-4455-6677-8899-aabbccddeeff"
BMC = f"{{type: sample-bmc, password_file: bmc, url: https://x, {UUID}}}"
SECTION = "watchdogs: {listen: 192.0.2.10:7413, keys: [{secret_file: token}]}\n"


def hosts(options: str = "boots_guests: never", first: str = f"[{BMC}], ") -> str:
    dog = f"{{type: watchdog, {UUID}, {options}}}"
    return f"hosts:\n  - {{names: cmp-1, levels: [{first}[{dog}]]}}\n"


def test_a_level_is_given_the_time_that_it_takes(read: Reading) -> None:
    found = read(SECTION + hosts())
    (plan,) = found.plans.values()
    assert [level.slow_s for level in plan.levels] == [0.0, pytest.approx(514)]
    assert not any(device.tells_host for device in plan.levels[1].devices)


def test_its_calls_take_no_time_of_others(read: Reading) -> None:
    quick = BMC.replace("url:", "timeout_s: 1, url:")
    found = read("timing: {off_timeout_s: 5}\n" + SECTION + hosts(first=f"[{quick}], "))
    assert len(found.devices) == 2


def test_what_the_loss_of_the_daemon_does_is_said_aloud(read: Reading) -> None:
    (told,) = [text for text in read(SECTION + hosts()).warnings if "RESET" in text]
    assert "cmp-1" in told
    assert "over 300 s, ALL OF THEM ARE RESET" in told
    assert not any("RESET" in text for text in read("").warnings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (hosts(), "watchdogs: missing; expected it, for hosts have a device of type watchdog"),
        (
            SECTION + hosts(first=""),
            (
                "hosts: expected another power device that proves in the first level: a "
                "watchdog resets a host, and it comes up again (cmp-1)"
            ),
        ),
        (
            SECTION + hosts("boots_guests: never, lease_s: 149"),
            (
                "hosts: found a lease_s of 149; expected at least 150 = watchdogs.restart_s + "
                "6 x 5: a restart of the daemon must not reset the fleet"
            ),
        ),
        (
            SECTION + hosts("boots_guests: never, lease_s: 900"),
            (
                "timing.progress_s: found 900; expected at least 1174 = a watchdog's longest wait "
                "+ off_timeout_s: it must have its time"
            ),
        ),
        (
            SECTION + "budget: {window_s: 500}\n" + hosts(),
            (
                "budget.window_s: found 500; expected at least 604 = a watchdog's longest wait + "
                "2 x off_timeout_s + backoff_max_s: a host that is still being fenced must not "
                "drop out of the count"
            ),
        ),
        (SECTION + hosts("lease_s: 300"), "boots_guests: missing"),
        (SECTION + hosts("boots_guests: sometimes"), "expected 'never'"),
        (SECTION + hosts("boots_guests: never, lease_s: 59"), "expected at least 60"),
        (SECTION + hosts("boots_guests: never, watchdog_s: 9"), "expected at least 10"),
        ("watchdogs: {listen: here, keys: [{secret_file: token}]}\n", "watchdogs.listen: "),
        ("watchdogs: {listen: 192.0.2.10:7413, keys: []}\n", "watchdogs.keys: "),
        (
            (
                "watchdogs: {listen: 192.0.2.10:7413, keys: [{secret_file: token}, "
                "{secret_file: hook}]}\n"
            ),
            "watchdogs.keys: found a list; expected two numbers",
        ),
        (
            "watchdogs: {listen: 192.0.2.10:7413, keys: [{secret_file: gone}]}\n",
            "watchdogs.keys[0].secret_file: ",
        ),
    ],
)
def test_d3_what_does_not_fit_is_refused(refused: Refusal, text: str, told: str) -> None:
    assert told in refused(text)


def test_a_watchdog_may_stand_beside_another_device_in_the_first_level(read: Reading) -> None:
    dog = f"{{type: watchdog, {UUID}, boots_guests: never}}"
    found = read(f"{SECTION}hosts:\n  - {{names: cmp-1, levels: [[{BMC}, {dog}]]}}\n")
    (plan,) = found.plans.values()
    assert plan.levels[0].slow_s == pytest.approx(514)


def test_b1_a_device_that_proves_nothing_does_not_make_up_a_first_level(refused: Refusal) -> None:
    node = (
        f"{{type: ironic, clouds_file: bmc, cloud: c, {UUID}, "
        "node: 6a1bb2b2-0a2b-4f0a-9f0c-0d1e2f3a4b5c, node_name: cmp-1}"
    )
    dog = f"{{type: watchdog, {UUID}, boots_guests: never}}"
    text = f"{SECTION}hosts:\n  - {{names: cmp-1, levels: [[{node}, {dog}], [{BMC}]]}}\n"
    assert "expected another power device that proves in the first level" in refused(text)


def test_each_device_is_given_its_hosts_lifeline(read: Reading, tmp_path: Path) -> None:
    settings = read(SECTION + hosts(first=f"[{BMC}], "))
    dogs = [one for one in settings.devices if one.kind == "watchdog"]
    made = power_devices(dogs, Metrics(), Answers(), Faults(), lifelines(tmp_path))
    (device,) = made.values()
    assert isinstance(device, Watchdog)
    assert device.lifeline is not None
    assert device.lifeline.heard().deaf == "watchdogs are not heard"


async def test_a1_its_answers_do_not_show_that_we_reach_the_power_devices(
    read: Reading, tmp_path: Path
) -> None:
    """Nobody is asked: what it says comes from the daemon's own memory."""
    settings, answers = read(SECTION + hosts(first=f"[{BMC}], ")), Answers()
    dogs = [one for one in settings.devices if one.kind == "watchdog"]
    made = power_devices(dogs, Metrics(), answers, Faults(), lifelines(tmp_path))
    (device,) = made.values()
    with pytest.raises(Temporary):
        await device.identify()
    assert answers.lately(SystemClock().now(), frozenset()) == {}


def test_the_secrets_are_those_of_the_heartbeats(read: Reading, folder: Path) -> None:
    (folder / "token").write_text("a secret of the whole fleet\n")
    found = read(SECTION).watchdogs
    assert found is not None
    assert found.secrets() == (OF_ALL,)


def test_a_secret_that_is_too_short_is_refused(read: Reading, folder: Path) -> None:
    (folder / "token").write_text("short\n")
    found = read(SECTION).watchdogs
    assert found is not None
    with pytest.raises(ConfigError, match="the secret has 5 bytes; expected at least 16"):
        found.secrets()
