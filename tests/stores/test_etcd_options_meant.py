"""Options of the store in etcd that can be meant, and what is said of files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.errors import ConfigError
from doctor_daemon.stores.etcd_options import EtcdConfig, tls


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prefix": "/doctor/a-b_c.d/"},
        {"username": "doctor", "password_file": "/password"},
        {"cert_file": "/cert.pem", "key_file": "/key.pem"},
    ],
    ids=["none", "prefix", "user", "certificate"],
)
def test_options_that_belong_together_are_taken(options: dict[str, object]) -> None:
    config = EtcdConfig.model_validate({"endpoints": ["https://a.example:2379"], **options})
    assert config.model_fields_set == {"endpoints", *options}


@pytest.mark.parametrize("options", [{"password_file": "/password"}, {"key_file": "/key.pem"}])
def test_options_that_lack_another_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected it together with"):
        EtcdConfig.model_validate({"endpoints": ["https://a.example:2379"], **options})


def test_why_files_for_tls_cannot_be_used_is_said(tmp_path: Path) -> None:
    config = EtcdConfig(endpoints=("https://a.example",), ca_file=tmp_path / "none.pem")
    said = r"\(\S+/none\.pem\) cannot be used: No such file or directory$"
    with pytest.raises(ConfigError, match=said):
        tls(config)


def test_a_certificate_is_read_together_with_its_key(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing")
        (tmp_path / name).chmod(0o600)
    config = EtcdConfig.model_validate(
        {
            "endpoints": ["https://a.example"],
            "cert_file": tmp_path / "cert.pem",
            "key_file": tmp_path / "key.pem",
        }
    )
    with pytest.raises(ConfigError, match=r"\(\S+/cert\.pem, \S*key\.pem\S*\) cannot be used"):
        tls(config)
    assert tls(EtcdConfig(endpoints=("https://a.example",))).check_hostname
