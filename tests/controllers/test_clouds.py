"""Reading clouds.yaml: what is taken, what is refused, and that no error shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports.secrets import SecretFile, conceal
from tests.controllers.rigs import entry, secret_file

URL = "https://keystone.example:5000/v3"
SECRET = "hunter2-very-secret"


def test_an_entry_is_read_with_defaults(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": entry(URL)}})
    cloud = read_cloud(file, "admin")
    assert (cloud.auth_type, cloud.interface, cloud.region, cloud.verify) == (
        *("password", "public", "", True),
    )
    assert cloud.auth["auth_url"] == URL
    assert cloud.where == f"{tmp_path / 'clouds.yaml'}: clouds.admin"


def test_every_key_is_read(tmp_path: Path) -> None:
    more = {
        "auth_type": "v3password",
        "region_name": "R1",
        "interface": "internalURL",
        "verify": False,
        "cacert": "/ca.pem",
        "cert": "/cert.pem",
        "key": "/key.pem",
        "compute_endpoint_override": "https://nova.example/v2.1/",
        "identity_api_version": "3",
    }
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": entry(URL, **more)}})
    cloud = read_cloud(file, "admin")
    assert (cloud.auth_type, cloud.region, cloud.interface, cloud.verify) == (
        *("v3password", "R1", "internal", False),
    )
    assert (cloud.cacert, cloud.cert, cloud.key) == ("/ca.pem", "/cert.pem", "/key.pem")
    assert cloud.compute_url == "https://nova.example/v2.1"


def test_the_older_name_of_interface_is_read(tmp_path: Path) -> None:
    clouds = {"clouds": {"admin": entry(URL, endpoint_type="adminURL")}}
    assert read_cloud(secret_file(tmp_path, "clouds.yaml", clouds), "admin").interface == "admin"


def test_secure_yaml_is_laid_over(tmp_path: Path) -> None:
    plain = entry(URL)
    plain["auth"] = {"auth_url": URL, "username": "doctor", "password": "a placeholder"}
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": plain}})
    over = {"clouds": {"admin": {"auth": {"password": SECRET}}, "other": {}}}
    secret_file(tmp_path, "secure.yaml", over)
    cloud = read_cloud(file, "admin")
    assert cloud.auth == {"auth_url": URL, "username": "doctor", "password": SECRET}
    assert conceal(f"the password is {SECRET}!") == "the password is [redacted]!"


def test_secure_yaml_may_bring_all_of_auth(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": {"region_name": "R1"}}})
    secret_file(tmp_path, "secure.yaml", {"clouds": {"admin": entry(URL)}})
    cloud = read_cloud(file, "admin")
    assert (cloud.region, cloud.auth["password"]) == ("R1", SECRET)


@pytest.mark.parametrize("name", ["clouds.yaml", "secure.yaml"])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": entry(URL)}})
    secret_file(tmp_path, name, {"clouds": {"admin": entry(URL)}}, mode=0o644)
    with pytest.raises(ConfigError, match=rf"{name}.*0644.*others can read"):
        read_cloud(file, "admin")


def _broken(key: str, value: object) -> dict[str, object]:
    return {"clouds": {"admin": {**entry(URL), key: value}}}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("clouds: {admin: [", "this is not YAML in line 1"),
        ("just text", "expected a mapping with names as keys, found str"),
        ({"clouds": None}, "clouds: expected a mapping with names as keys, found nothing"),
        ({"clouds": {"b": {}, "a": {}}}, r"clouds.admin: not found; the file has: a, b"),
        ({"clouds": {"admin": "x"}}, "clouds.admin: expected a mapping"),
        ({"clouds": {"admin": {}}}, "clouds.admin.auth: expected a mapping"),
        (_broken("profile", "vexxhost"), "admin.profile: vendor profiles are not read"),
        (_broken("interface", "inside"), "interface: found 'inside'; expected public, internal"),
        (_broken("verify", "no"), "verify: expected true or false, found str"),
        (_broken("region_name", 1), "region_name: expected text, found int; put it in quotes"),
        (_broken("auth", {"auth_url": "keystone"}), "auth.auth_url: expected Keystone's URL"),
        (
            _broken("auth", {"auth_url": URL, "password": 83}),
            "auth.password: expected text, found int",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, document: object, says: str) -> None:
    file = secret_file(tmp_path, "clouds.yaml", document)
    with pytest.raises(ConfigError, match=says) as caught:
        read_cloud(file, "admin")
    assert SECRET not in str(caught.value)


def test_a_yaml_error_does_not_quote_the_line(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "clouds.yaml", f"clouds:\n  admin:\n    auth: {{{SECRET}: : :\n")
    with pytest.raises(ConfigError, match="not YAML in line") as caught:
        read_cloud(file, "admin")
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "word", ["2026-99-99", "!!int x", "!!bool x", "!!float x", "!!timestamp x", "!!int ''"]
)
def test_b15_a_word_that_yaml_cannot_make_anything_of_is_not_quoted(
    tmp_path: Path, word: str
) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(f"clouds: {{admin: {{auth: {{password: {word}}}}}}}\n", encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="not what YAML takes it for") as caught:
        read_cloud(SecretFile(file), "admin")
    assert caught.value.__cause__ is None
    assert word not in str(caught.value)


def test_what_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("[" * 5000, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="nested too deeply"):
        read_cloud(SecretFile(file), "admin")


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    text = f'clouds: {{admin: {{auth: {{auth_url: "{URL}", password: "\\ud800"}}}}}}\n'
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"auth\.password: expected text, found half a character"):
        read_cloud(SecretFile(file), "admin")


def test_a_cloud_shows_no_secret(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"admin": entry(URL)}})
    assert SECRET not in repr(read_cloud(file, "admin"))
