"""Options of the store in etcd."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon.stores.etcd_options import EtcdConfig


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"endpoints": []}, "at least one"),
        ({"endpoints": ["http://192.0.2.1:2379"]}, "plain http"),
        ({"endpoints": ["https://user:word@192.0.2.1:2379"]}, "without user"),
        ({"prefix": "/"}, "prefix"),
        ({"prefix": "/a"}, "prefix"),
        ({"username": "doctor"}, "password_file"),
        ({"cert_file": "/tmp/cert.pem"}, "key_file"),  # noqa: S108 - it is not read
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object], why: str) -> None:
    whole = {"endpoints": ["https://192.0.2.1:2379"], **options}
    with pytest.raises(ValidationError, match=why) as refused:
        EtcdConfig.model_validate(whole)
    assert "word@" not in str(refused.value)


def test_options_are_taken_as_text() -> None:
    config = EtcdConfig.model_validate({"endpoints": "https://a.example:2379", "ca_file": "/x"})
    assert (config.ca_file, [one.url for one in config.asked()]) == (
        Path("/x"),
        ["https://a.example:2379"],
    )
