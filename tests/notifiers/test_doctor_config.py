"""What a doctor consumer hears, and which configurations of it are refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.notifiers.doctor import Doctor, DoctorConfig
from doctor_daemon.ports import Notifier
from tests.notifiers.notices import PROJECT, for_operators, notice

OPTIONS: dict[str, object] = {
    "url": "http://127.0.0.1:12346/failure",
    "audience": {"projects": "all"},
}
OK_URL = "http://127.0.0.1:12346/ok"


def configured(**options: object) -> DoctorConfig:
    """Make the options as the configuration does: by way of JSON."""
    return Doctor.Config.model_validate_json(json.dumps({**OPTIONS, **options}))


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, {"confirmed"}),
        ({"ok_url": OK_URL}, {"confirmed", "withdrawn", "outcome", "recovered"}),
        (
            {"ok_url": OK_URL, "early": True},
            {"suspected", "confirmed", "withdrawn", "outcome", "recovered"},
        ),
    ],
)
def test_what_there_is_an_alarm_for_is_told(options: dict[str, object], kinds: set[str]) -> None:
    consumer: Notifier = Doctor(configured(**options), "vnfm")
    assert kinds == {
        kind for kind in NoticeKind if consumer.wants(notice(kind=kind, outcome="moved"))
    }


@pytest.mark.parametrize("outcome", ["skipped", "failed", "unknown", ""])
def test_only_a_server_that_was_moved_is_well_again(outcome: str) -> None:
    consumer = Doctor(configured(ok_url=OK_URL), "vnfm")
    assert not consumer.wants(notice(kind=NoticeKind.OUTCOME, outcome=outcome))


def test_without_servers_there_is_no_alarm() -> None:
    consumer = Doctor(configured(), "vnfm")
    assert not consumer.wants(notice(kind=NoticeKind.CONFIRMED, servers=()))


@pytest.mark.parametrize(
    ("audience", "operators", "mine", "others"),
    [
        ({"operators": True}, True, False, False),
        ({"projects": "all"}, False, True, True),
        ({"projects": [PROJECT]}, False, True, False),
    ],
)
def test_only_the_audience_hears(
    audience: object, *, operators: bool, mine: bool, others: bool
) -> None:
    consumer = Doctor(configured(audience=audience), "vnfm")
    kind = NoticeKind.CONFIRMED
    found = (for_operators(kind=kind), notice(kind=kind), notice(kind=kind, project="other"))
    assert [consumer.wants(one) for one in found] == [operators, mine, others]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "http://vnfm.example:12346/failure"}, "i_accept_plain_http: true"),
        ({"ok_url": "http://vnfm.example/ok"}, "ok_url: plain http sends everything readable"),
        ({"ok_url": "ftp://vnfm.example/ok"}, "ok_url: expected https://HOST"),
        ({"ok_url": "https://me:swordfish@vnfm.example/"}, "ok_url: expected a URL without user"),
        ({"early": True}, "early: expected ok_url too"),
        ({"audience": {"operators": True, "projects": "all"}}, "either operators or projects"),
        ({"audience": {}}, "expected operators: true, or projects"),
        ({"kinds": ["confirmed"]}, "not permitted"),
        ({"token": "swordfish"}, "not permitted"),
        ({"timeout_s": 0}, "greater than 0"),
    ],
)
def test_a_wrong_configuration_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        configured(**options)
    said = caught.value.errors(include_input=False, include_url=False)
    assert "swordfish" not in str(said)


def test_plain_http_to_another_machine_needs_the_operators_word() -> None:
    url = "http://vnfm.example:12346"
    made = configured(url=f"{url}/failure", ok_url=f"{url}/ok", i_accept_plain_http=True)
    assert (made.url, made.ok_url) == (f"{url}/failure", f"{url}/ok")
