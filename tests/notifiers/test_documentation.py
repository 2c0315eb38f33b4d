"""What docs/notices.md says is what is sent: an example that is out of date is worse than none."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
import yaml

from doctor_daemon import plugins
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.notifiers.aodh import BODY_MAX as ALARMS_MAX
from doctor_daemon.notifiers.aodh import Alarms
from doctor_daemon.notifiers.cloudevents import BODY_MAX, TYPE, event
from doctor_daemon.notifiers.doctor import AT_ONCE, Doctor
from doctor_daemon.notifiers.log import SERVERS_MAX, Log
from doctor_daemon.notifiers.webhook import Webhook
from tests.notifiers import aodh, verifier
from tests.notifiers.notices import SECRET, for_operators, notice

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def table(first_header: str) -> list[str]:
    """Return the first column of the table whose first header is this."""
    rows = PAGE.partition(f"\n| {first_header} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def delivery() -> tuple[dict[str, str], str]:
    """Return the example's headers, in lower case, and its body."""
    head, _, body = block("http").partition("\n\n")
    pairs = (line.partition(": ") for line in head.splitlines()[1:])
    return {name.lower(): value for name, _, value in pairs}, body.rstrip("\n")


def test_the_example_is_what_is_sent_and_its_signature_holds() -> None:
    headers, body = delivery()
    assert body == event(notice(), headers["webhook-id"], 3)
    assert SECRET in PAGE
    stamp_s = int(headers["webhook-timestamp"])
    assert verifier.verified(SECRET, headers, body.encode(), stamp_s)
    assert not verifier.verified(SECRET, headers, body.encode() + b"\n", stamp_s)


def test_the_verification_shown_is_the_one_that_is_tested() -> None:
    assert block("python") == inspect.getsource(verifier.verified)


def test_every_field_is_explained() -> None:
    data = json.loads(event(for_operators(), "msg_1", 1))["data"]
    assert table("field of `data`") == list(data)
    for name in json.loads(event(notice(), "msg_1", 1)):
        assert f"`{name}`" in PAGE


def test_every_kind_is_explained() -> None:
    assert table("type") == [TYPE.format(kind) for kind in NoticeKind]


def test_every_outcome_is_explained() -> None:
    assert table("`outcome`") == [s for s in Stage if s.ended or s is Stage.WAITING]


def test_the_example_of_an_alarm_is_what_is_sent() -> None:
    found = notice(kind=NoticeKind.CONFIRMED, fenced="confirmed")
    body = block("json").rstrip("\n")
    assert body == Alarms(found, "msg_1", 3, early=False).render()
    assert table("field of an alarm") == list(json.loads(body))
    for name in aodh.traits(json.loads(body)):
        assert f"`{name}`" in PAGE


def test_every_field_of_a_line_is_explained() -> None:
    log = Log(Log.Config.model_validate_json('{"audience": {"operators": true}}'), "x")
    found = {"kind": NoticeKind.OUTCOME, "outcome": "moved"}
    for made in (notice(**found), for_operators(**found)):
        for name in json.loads(log.render(made, "msg_1", 3))["fields"]:
            assert f"`{name}`" in PAGE.partition("## The log")[2].partition("\n## ")[0]


def test_every_header_is_explained() -> None:
    explained = {name.lower() for name in table("header")}
    assert explained == {*delivery()[0], "webhook-gap-before"} - {"host"}


def test_every_option_is_explained_with_its_default() -> None:
    assert set(table("option")) == set(Webhook.Config.model_fields)
    assert set(table("option of `doctor`")) == set(Doctor.Config.model_fields)
    assert set(Log.Config.model_fields) == {"audience", "kinds"}
    for plugin in (Webhook, Doctor):
        assert plugin.Config.model_fields["timeout_s"].default == 5
    assert PAGE.count("| `timeout_s` | 5 |") == 2


@pytest.mark.parametrize("number", range(4))
def test_the_example_configuration_is_valid(number: int) -> None:
    consumer = yaml.safe_load(block("yaml"))["consumers"][number]
    plugin = plugins.find(plugins.NOTIFIERS, consumer.pop("type"))
    assert consumer.pop("name")
    if "ca_file" in consumer:
        consumer["ca_file"] = None
    plugin(plugin.Config.model_validate_json(json.dumps(consumer)), "x")


def test_the_limits_are_those_that_hold() -> None:
    assert Delivering().give_up_s == 3600  # "for an hour"
    assert Delivering().backoff_max_s == 60  # "pauses that grow to a minute"
    assert BODY_MAX == ALARMS_MAX == 512 * 1024
    assert (AT_ONCE, SERVERS_MAX) == (8, 50)  # "up to 8 are under way", "the first 50"
