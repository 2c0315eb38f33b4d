"""Who hears what, and which configurations are refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.errors import ConfigError
from doctor_daemon.notifiers.webhook import Webhook, WebhookConfig
from doctor_daemon.ports import Notifier
from tests.notifiers.notices import (
    PROJECT,
    SECRET,
    for_operators,
    notice,
    secret,
)

OPTIONS: dict[str, object] = {
    "url": "https://vnfm.example/doctor",
    "secret_file": "vnfm",
    "audience": {"operators": True},
}


def configured(**options: object) -> WebhookConfig:
    """Make the options as the configuration does: by way of JSON."""
    return Webhook.Config.model_validate_json(json.dumps({**OPTIONS, **options}))


@pytest.mark.parametrize(
    ("audience", "operators", "mine", "others"),
    [
        ({"operators": True}, True, False, False),
        ({"projects": "all"}, False, True, True),
        ({"projects": [PROJECT]}, False, True, False),
        ({"operators": True, "projects": "all"}, True, True, True),
    ],
)
def test_only_the_audience_hears(
    audience: object, *, operators: bool, mine: bool, others: bool
) -> None:
    config = configured(audience=audience)
    hook: Notifier = Webhook(config, "vnfm")
    wanted = [hook.wants(found) for found in (for_operators(), notice(), notice(project="other"))]
    assert wanted == [operators, mine, others]


def test_only_the_kinds_asked_for_are_told() -> None:
    config = configured(kinds=["confirmed", "withdrawn"])
    hook = Webhook(config, "vnfm")
    assert [kind for kind in NoticeKind if hook.wants(for_operators(kind=kind))] == [
        NoticeKind.WITHDRAWN,
        NoticeKind.CONFIRMED,
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"audience": {}}, "expected operators: true, or projects"),
        ({"audience": {"projects": []}}, "expected operators: true, or projects"),
        ({"audience": {"projects": [""]}}, "at least 1 character"),
        ({"audience": {"projects": "some"}}, "projects"),
        ({"audience": {"operators": "yes"}}, "valid boolean"),
        ({"kinds": []}, "expected some of suspected, withdrawn"),
        ({"kinds": ["suspected"]}, "expected withdrawn too"),
        ({"kinds": ["confirmed", "held"]}, "expected withdrawn too"),
        ({"kinds": ["confirmed", "outcome"]}, "expected withdrawn too"),
        ({"kinds": ["evaporated"]}, "kinds"),
        ({"url": "http://vnfm.example/"}, "i_accept_plain_http"),
        ({"url": "https://user:pw@vnfm.example/"}, "without user, password"),
        ({"secret": "whsec_x"}, "not permitted"),
        ({"timeout_s": 0}, "greater than 0"),
    ],
)
def test_a_wrong_configuration_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        configured(**options)


@pytest.mark.parametrize("kinds", [["held"], ["outcome"], ["held", "outcome"]])
def test_what_is_never_wrong_needs_no_taking_back(kinds: list[str]) -> None:
    assert configured(kinds=kinds).kinds == set(kinds)


def test_a_ca_file_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    config = configured(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"ca_file: .*none\.pem"):
        Webhook(config, "vnfm")


def test_the_secret_is_nowhere_in_the_configuration(tmp_path: Path) -> None:
    config = configured(secret_file=str(tmp_path / "vnfm"))
    secret(tmp_path, SECRET, "vnfm")
    assert (
        base64.b64encode(bytes(range(32))).decode() not in repr(config) + config.model_dump_json()
    )
