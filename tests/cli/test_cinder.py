"""`doctor-daemon cinder`: what can be typed, what is printed, and what comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from doctor_daemon.cli import cinder
from doctor_daemon.cli.arguments import SOCKET, parse
from tests.api.volumes import VolumeDesk, volume_desk
from tests.cli.terminal import Done, typed
from tests.lab.cinder_target import ALPHA, VOLUME
from tests.stores.values import volume_task

WHY = ("--why", "a drill")
TARGET = "error: cinder freeze: expected HOST@BACKEND, or --cluster NAME"
LEVEL = "error: cinder log-levels: expected --set LEVEL and --why REASON, or neither"
UNTIL = "error: cinder log-levels: expected --set LEVEL with --until HOST"
ROW = {
    "binary": VOLUME,
    "host": ALPHA,
    "status": "disabled",
    "state": "up",
    "zone": "nova",
    "reason": "failed-over",
    "updated_at": "",
    "frozen": True,
    "replication": "failed-over",
    "backend": "spare",
    "cluster": "gamma",
}


async def ask(at: VolumeDesk, verb: str, *words: str) -> Done:
    return await typed("cinder", verb, "--socket", str(at.desk.path), *words)


# What can be typed


def test_what_may_be_typed() -> None:
    options = parse(["cinder", "services"])
    assert (options.socket, options.json, options.host, options.binary) == (
        *(SOCKET, False, None, None),
    )
    options = parse(["cinder", "--json", "--socket", "s", "disable", f" {ALPHA} ", *WHY])
    assert (options.json, options.socket, options.host) == (True, Path("s"), ALPHA)
    assert (options.binary, options.bare, options.why) == (VOLUME, False, "a drill")
    options = parse(["cinder", "failover", ALPHA, "--to", "b", "--confirm", ALPHA, "--json", *WHY])
    assert (options.to, options.confirm, options.cluster, options.json) == ("b", ALPHA, None, True)
    assert parse(["cinder", "thaw", "--cluster", "g", "--and-enable", *WHY]).enable
    assert parse(["cinder", "log-levels", "--set", "DEBUG", *WHY]).level == "DEBUG"
    raised = ["cinder", "log-levels", "--set", "DEBUG", "--until", "cmp-1", *WHY]
    assert parse(raised).until == "cmp-1"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "the following arguments are required: VERB"),
        (["reboot"], "invalid choice: 'reboot'"),
        (["disable", ALPHA], "the following arguments are required: --why"),
        (["disable", *WHY], "the following arguments are required: HOST"),
        (["disable", " ", *WHY], "found nothing; expected a name"),
        (["freeze", *WHY], TARGET),
        (["freeze", ALPHA, "--cluster", "g", *WHY], TARGET),
        (["failover", ALPHA, "--to", "b", *WHY], "arguments are required: --confirm"),
        (["failover", ALPHA, "--confirm", ALPHA, *WHY], "arguments are required: --to"),
        (["log-levels", "--set", "DEBUG"], LEVEL),
        (["log-levels", "--until", "cmp-1"], UNTIL),
        (["log-levels", *WHY], LEVEL),
        (["log-levels", "--set", "LOUD", *WHY], "invalid choice: 'LOUD'"),
        (["services", "--bin", "x"], "unrecognized arguments: --bin"),
    ],
)
def test_what_is_half_or_wrong_is_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["cinder", *words])
    assert caught.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("services", "List Cinder's services"),
        ("disable", "Cinder 28 and newer do nothing then"),
        ("enable", "Cinder 28 and newer answer and do nothing"),
        ("freeze", "is in force all the same"),
        ("thaw", "unless --and-enable is given"),
        ("failover", "Volumes of the backend that are not replicated end in error"),
        ("log-levels", "A service that restarts forgets what was set"),
    ],
)
def test_every_verb_explains_itself(
    verb: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["cinder", verb, "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert out.startswith(f"usage: doctor-daemon cinder {verb} ")
    assert told in out
    assert out.endswith("why is on standard error; 2 wrongly typed.")


# What is printed


def test_services_stand_in_columns() -> None:
    plain = {"frozen": False, "cluster": "", "replication": "disabled", "backend": "", "reason": ""}
    scheduler = {**ROW, **plain, "host": "control", "binary": "cinder-scheduler"}
    back = {**ROW, **plain, "replication": "enabled", "status": "enabled"}
    assert list(cinder.words({"services": [ROW, scheduler, back]})) == [
        (
            "  control@alpha  cinder-volume     up  disabled  frozen, cluster gamma, replication "
            "failed-over to spare  failed-over"
        ),
        "  control        cinder-scheduler  up  disabled",
        "  control@alpha  cinder-volume     up  enabled   replication enabled",
    ]
    assert list(cinder.words({"services": []})) == ["no services"]


def test_log_levels_are_told_in_short_and_the_others_by_name() -> None:
    levels = {"cinder": "INFO", "cinder.volume": "INFO", "cinder.db": "DEBUG"}
    rows = [{"host": ALPHA, "binary": VOLUME, "levels": levels}]
    assert list(cinder.words({"log_levels": rows})) == [
        f"  {ALPHA}  {VOLUME}  3 loggers, most at INFO",
        "    cinder.db  DEBUG",
    ]
    (none,) = cinder.words({"log_levels": [{**rows[0], "levels": {}}]})
    assert none.endswith("0 loggers, most at none")
    assert list(cinder.words({"log_levels": []})) == [
        "no service that is up has such a logger",
    ]


# What comes of it


async def test_a_night_with_cinder() -> None:
    async with volume_desk() as at:
        await at.arm()
        listed = await ask(at, "services", "--host", "control", "--binary", VOLUME)
        assert (listed.status, len(listed.out.splitlines())) == (0, 2)
        for words, said in (
            (("freeze", ALPHA), "freeze: done: cinder-volume of control@alpha is frozen"),
            (("thaw", ALPHA), "thaw: done: cinder-volume of control@alpha is not frozen"),
            (
                ("failover", ALPHA, "--to", "spare", "--confirm", ALPHA),
                "failover: done: cinder-volume of control@alpha is failed over to spare",
            ),
            (
                ("log-levels", "--host", ALPHA, "--prefix", "cinder", "--set", "DEBUG"),
                "set-log: done: 4 loggers of every service of control@alpha",
            ),
        ):
            done = await ask(at, *words, *WHY)
            assert (done.status, done.err) == (0, "")
            assert done.out.startswith(said)
        read = await ask(at, "log-levels", "--host", ALPHA)
        assert read.out == f"  {ALPHA}  {VOLUME}  4 loggers, most at DEBUG\n"


async def test_what_was_not_done_is_no_success() -> None:
    async with volume_desk() as at:
        await at.arm()
        plain = ("disable", ALPHA, "--without-reason", *WHY)
        done = await ask(at, *plain)
        assert (done.status, done.out) == (1, "")
        assert done.err == (
            "doctor-daemon: disable: NOT DONE: cinder-volume of control@alpha is enabled, although "
            "Cinder answered 200; Cinder 28 and newer do nothing without a reason: leave "
            "--without-reason out\n"
        )
        as_json = await ask(at, *plain, "--json")
        assert (as_json.status, as_json.json["order"]["end"]) == (1, "not_achieved")


async def test_an_order_is_waited_for() -> None:
    async with volume_desk(wait_s=0.1) as at:
        await at.arm()
        at.lab.cinder.volumes.kill(ALPHA)
        done = await ask(at, "freeze", ALPHA, "--json", *WHY)
        assert (done.status, done.json["order"]["end"]) == (0, "achieved")
        assert re.fullmatch(r"order \d+ is under way; waiting for its end\n", done.err)
        assert json.loads(done.out)["order"]["why"] == "a drill"


async def test_a_failover_wants_the_name_typed_once_more() -> None:
    async with volume_desk() as at:
        await at.arm()
        done = await ask(at, "failover", ALPHA, "--to", "spare", "--confirm", "alpha", *WHY)
        assert (done.status, done.err) == (
            1,
            "doctor-daemon: confirm: found 'alpha'; expected control@alpha, typed out\n",
        )


async def test_a_disarmed_daemon_says_so() -> None:
    async with volume_desk() as at:
        done = await ask(at, "freeze", ALPHA, *WHY)
    assert (done.status, done.err) == (
        1,
        "doctor-daemon: the daemon is disarmed: never armed\n",
    )


async def test_what_is_asked_of_a_human_is_dismissed() -> None:
    async with volume_desk() as at:
        task = volume_task(1)
        at.desk.engine.ward.stock.tasks[1] = task
        done = await ask(at, "dismiss", task.service, "--why", "gone")
        assert done.status == 0
        assert re.fullmatch(rf"{task.service}: dismissed by \S+: gone\n", done.out)
        done = await ask(at, "dismiss", task.service, "--why", "gone")
        assert (done.status, "nothing is to be seen to" in done.err) == (1, True)


async def test_log_levels_are_raised_for_the_time_of_an_incident() -> None:
    async with volume_desk() as at:
        at.desk.engine.ward.stock.tasks[1] = volume_task(1)
        words = ("--set", "DEBUG", "--binary", VOLUME, "--until", "cmp-1", *WHY)
        done = await ask(at, "log-levels", *words)
        assert (done.status, done.out.splitlines()[1:]) == (
            0,
            ["put back once nothing of cmp-1 is open any more"],
        )
