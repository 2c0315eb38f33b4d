"""One cloud of a clouds.yaml: the file that OpenStack's own tools read, so that there is but one.

Read by hand, since openstacksdk would bring a large tree along, searches the working directory and
fetches vendor profiles by URL. What is not read here (profiles, environment variables, other
places) is refused or left alone, and never guessed. Secrets may stand in a secure.yaml beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports.secrets import SecretFile, remember

_SECRET = ("password", "secret", "token", "passcode")
"""What is in the names of the keys of `auth` whose values no log may show."""
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML lets out of words that look like dates and numbers, and are none."""
_INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class Cloud:
    """What one entry says. `auth` holds secrets, so it is in no repr."""

    name: str
    file: Path
    auth_type: str
    auth: Mapping[str, str] = field(repr=False)
    region: str = ""
    interface: str = "public"
    verify: bool = True
    cacert: str = ""
    cert: str = ""
    key: str = ""
    compute_url: str = ""
    """`compute_endpoint_override`, in the place of the catalogue's; may hold %(project_id)s."""
    volume_url: str = ""
    """The same of Cinder: `block_storage_endpoint_override` or `volumev3_endpoint_override`."""
    network_url: str = ""
    """The same of Neutron: `network_endpoint_override`."""
    baremetal_url: str = ""
    """The same of Ironic: `baremetal_endpoint_override`."""

    @property
    def where(self) -> str:
        """The entry, as errors name it."""
        return f"{self.file}: clouds.{self.name}"


def read_cloud(secret: SecretFile, name: str) -> Cloud:
    """Read one cloud. Raise ConfigError, which never quotes a value. Blocks for two small reads.

    Source: openstacksdk, "Configuring OpenStack SDK Applications", for the names of the keys.
    """
    file = secret.path
    entry = _merged(_entry(file, name), _secure(file.with_name("secure.yaml"), name))
    where = f"{file}: clouds.{name}"
    if "profile" in entry or "cloud" in entry:
        msg = f"{where}.profile: vendor profiles are not read; write auth_url and the rest here"
        raise ConfigError(msg)
    auth = {key: _word(value, f"{where}.auth.{key}") for key, value in _auth(entry, where).items()}
    for key, value in auth.items():
        if any(part in key for part in _SECRET):
            remember(value)
    return Cloud(
        name=name,
        file=file,
        auth_type=_text(entry, "auth_type", where) or "password",
        auth=auth,
        region=_text(entry, "region_name", where),
        interface=_interface(entry, where),
        verify=_flag(entry, "verify", where),
        cacert=_text(entry, "cacert", where),
        cert=_text(entry, "cert", where),
        key=_text(entry, "key", where),
        compute_url=_text(entry, "compute_endpoint_override", where).rstrip("/"),
        volume_url=_volume_url(entry, where),
        network_url=_text(entry, "network_endpoint_override", where).rstrip("/"),
        baremetal_url=_text(entry, "baremetal_endpoint_override", where).rstrip("/"),
    )


def _volume_url(entry: Mapping[str, object], where: str) -> str:
    """Read Cinder's address by the newer of its two names, or by the older."""
    names = ("block_storage_endpoint_override", "volumev3_endpoint_override")
    return next(filter(None, (_text(entry, name, where) for name in names)), "").rstrip("/")


def _entry(file: Path, name: str) -> Mapping[str, object]:
    clouds = _clouds(file)
    if name not in clouds:
        known = ", ".join(sorted(clouds)) or "none"
        msg = f"{file}: clouds.{name}: not found; the file has: {known}"
        raise ConfigError(msg)
    return _mapping(clouds[name], f"{file}: clouds.{name}")


def _secure(file: Path, name: str) -> Mapping[str, object]:
    if not file.exists():
        return {}
    return _mapping(_clouds(file).get(name, {}), f"{file}: clouds.{name}")


def _clouds(file: Path) -> Mapping[str, object]:
    try:
        document = yaml.safe_load(SecretFile(file).read())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        msg = f"{file}: this is not YAML{line}"
        raise ConfigError(msg) from None  # the cause quotes the line, which may hold a secret
    except _NONSENSE:
        msg = (
            f"{file}: a word in it is not what YAML takes it for, or it is nested too deeply; put "
            "every word into quotes"
        )
        raise ConfigError(msg) from None  # as above
    return _mapping(_mapping(document, str(file)).get("clouds"), f"{file}: clouds")


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> Mapping[str, object]:
    """Lay one entry over another, and their `auth` one over the other."""
    below, above = base.get("auth"), over.get("auth")
    merged = {**base, **over}
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        merged["auth"] = {**below, **above}
    return merged


def _auth(entry: Mapping[str, object], where: str) -> Mapping[str, object]:
    auth = _mapping(entry.get("auth"), f"{where}.auth")
    url = auth.get("auth_url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        msg = f"{where}.auth.auth_url: expected Keystone's URL, as https://cloud.example:5000/v3"
        raise ConfigError(msg)
    return {key: value for key, value in auth.items() if value is not None}


def _interface(entry: Mapping[str, object], where: str) -> str:
    key = "interface" if "interface" in entry else "endpoint_type"
    word = (_text(entry, key, where) or "public").removesuffix("URL")
    if word not in _INTERFACES:
        msg = f"{where}.{key}: found {word!r}; expected public, internal or admin"
        raise ConfigError(msg)
    return word


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        found = "nothing" if value is None else type(value).__name__
        msg = f"{where}: expected a mapping with names as keys, found {found}"
        raise ConfigError(msg)
    return value


def _text(entry: Mapping[str, object], key: str, where: str) -> str:
    value = entry.get(key)
    return "" if value is None else _word(value, f"{where}.{key}")


def _word(value: object, where: str) -> str:
    """Take text and nothing that YAML made of it: a password of 0123 would have become 83."""
    if not isinstance(value, str):
        msg = f"{where}: expected text, found {type(value).__name__}; put it in quotes"
        raise ConfigError(msg)
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        msg = f"{where}: expected text, found half a character"
        raise ConfigError(msg)
    return str(value)


def _flag(entry: Mapping[str, object], key: str, where: str) -> bool:
    value = entry.get(key, True)
    if not isinstance(value, bool):
        msg = f"{where}.{key}: expected true or false, found {type(value).__name__}"
        raise ConfigError(msg)
    return value
