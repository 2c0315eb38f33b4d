"""Keystone: how one cloud of a clouds.yaml becomes a token and the endpoint of a service.

keystoneauth knows every way to authenticate, but it is synchronous, so `Keystone.grant` is called
in a thread and hands plain values out; see `tokens`. It is also made to forget its own ideas of
expiry, which it takes from the wall clock: a grant says how long the token lives, and whoever holds
it counts on a clock that nobody can set.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from keystoneauth1 import exceptions as wrong
from keystoneauth1 import loading
from keystoneauth1.access import AccessInfo
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.loading import BaseLoader, Opt
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session
from typing_extensions import override

from doctor_daemon.controllers.clouds import Cloud
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.ports.secrets import remember

ANSWER_MAX = 8 * 1024 * 1024
"""Bytes of one answer of Keystone: a token with a large catalogue has some 100 KB."""

_PASSING = frozenset({408, 425, 429})
"""Client errors that say nothing about the credentials."""
_EXPECTED = "expected password or v3applicationcredential"
_NONSENSE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
_NEEDS_A_PERSON = "it asks a person"
_NOT_RENEWABLE = "what it is given runs out and cannot be renewed"
_REFUSED = {
    "v3oidcauthcode": _NEEDS_A_PERSON,
    "v3oidcdeviceauthz": _NEEDS_A_PERSON,
    "v3websso": _NEEDS_A_PERSON,
    "v3totp": _NOT_RENEWABLE,
    "v3multifactor": _NOT_RENEWABLE,
    "token": _NOT_RENEWABLE,
    "v3token": _NOT_RENEWABLE,
    "v3oidcaccesstoken": _NOT_RENEWABLE,
    "v2token": "Keystone's API version 2 is gone",
    "v2password": "Keystone's API version 2 is gone",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What Keystone gave, in plain values: the token's headers, the endpoint, for how long."""

    headers: Mapping[str, str] = field(repr=False)
    url: str
    lifetime_s: float
    project: str = ""
    """The project's id; empty: the token is of no project."""
    system: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose endpoint is wanted: its type in the catalogue, and what clouds.yaml may put there."""

    type: str
    override: Callable[[Cloud], str]


COMPUTE = Wanted("compute", lambda cloud: cloud.compute_url)
VOLUMES = Wanted("volumev3", lambda cloud: cloud.volume_url)
"""keystoneauth finds it by its newer name, block-storage, too."""
NETWORK = Wanted("network", lambda cloud: cloud.network_url)
BARE_METAL = Wanted("baremetal", lambda cloud: cloud.baremetal_url)


class Keystone:
    """A conversation with Keystone. Every call blocks: it belongs into a thread."""

    def __init__(
        self, read: Callable[[], Cloud], timeout_s: float, wanted: Wanted = COMPUTE
    ) -> None:
        """Talk for the cloud that `read` returns, waiting `timeout_s` for each byte at most.

        The file is read anew each time, so that a rotated password needs no restart.
        """
        self._read = read
        self._timeout_s = timeout_s
        self._wanted = wanted

    def grant(self) -> Grant:
        """Fetch a new token. Raise Temporary, Permanent (refused) or ConfigError."""
        cloud = self._read()
        plugin = load_plugin(cloud)
        try:
            with BoundedSession() as bare:
                session = _session(cloud, bare, self._timeout_s)
                access = plugin.get_access(session)
                headers = plugin.get_headers(session) or {}
                return _grant(cloud, access, headers, self._wanted)
        except wrong.ClientException as error:
            raise _failure(cloud, error) from None
        except _NONSENSE as error:  # keystoneauth takes answers as they come
            msg = f"Keystone's answer for {cloud.where} is not as documented: {_brief(error)}"
            raise Temporary(msg) from None


def _failure(cloud: Cloud, error: wrong.ClientException) -> Temporary | Permanent:
    """Tell apart what asking again may mend and what it cannot: Keystone's own no."""
    if isinstance(error, wrong.HTTPClientError) and error.http_status not in _PASSING:
        msg = f"Keystone refuses the credentials of {cloud.where}: {_brief(error)}"
        return Permanent(msg)
    return Temporary(f"Keystone gave no token for {cloud.where}: {_brief(error)}")


def load_plugin(cloud: Cloud) -> BaseIdentityPlugin:
    """Make the authentication plugin that `auth_type` names. Raise ConfigError."""
    where = f"{cloud.where}.auth_type"
    if cloud.auth_type in _REFUSED:
        msg = f"{where}: found {cloud.auth_type}: {_REFUSED[cloud.auth_type]}; {_EXPECTED}"
        raise ConfigError(msg)
    try:
        loader: BaseLoader[BaseAuthPlugin] = loading.get_plugin_loader(cloud.auth_type)
    except wrong.NoMatchingPlugin:
        msg = f"{where}: found {cloud.auth_type!r}, which keystoneauth does not know; {_EXPECTED}"
        raise ConfigError(msg) from None
    options = _options(cloud, loader.get_options())
    try:
        plugin = loader.load_from_options(**options)
    except wrong.ClientException as error:
        msg = f"{cloud.where}.auth: {_brief(error)}"
        raise ConfigError(msg) from None
    if not isinstance(plugin, BaseIdentityPlugin):
        msg = f"{where}: found {cloud.auth_type}, which brings no token of Keystone's; {_EXPECTED}"
        raise ConfigError(msg)
    plugin.reauthenticate = False  # by the wall clock; see the module's docstring
    return plugin


def _options(cloud: Cloud, known: Sequence[Opt]) -> dict[str, str]:
    """Translate the keys of `auth` to those of the plugin, and refuse one that it does not have."""
    names = {old.dest: option.dest for option in known for old in option.deprecated}
    names |= {option.dest: option.dest for option in known}
    if unknown := sorted(cloud.auth.keys() - names):
        may = ", ".join(sorted({option.dest for option in known}))
        msg = (
            f"{cloud.where}.auth.{unknown[0]}: {cloud.auth_type} takes no such key; it takes {may}"
        )
        raise ConfigError(msg)
    scope = sorted(key for key in cloud.auth if key.startswith(("project_", "tenant_")))
    if scope and cloud.auth_type == "v3applicationcredential":
        msg = f"{cloud.where}.auth.{scope[0]}: an application credential has its project already"
        raise ConfigError(f"{msg}; remove this key")
    return {names[key]: value for key, value in cloud.auth.items()}


def _session(cloud: Cloud, bare: requests.Session, timeout_s: float) -> Session:
    bare.trust_env = False  # neither proxies nor a netrc nor another CA bundle by surprise
    cert = (cloud.cert, cloud.key) if cloud.cert and cloud.key else cloud.cert or None
    # A token is worth as much as a password: it goes where it was meant to go, or nowhere.
    return Session(
        session=bare, verify=_verify(cloud), cert=cert, timeout=timeout_s, redirect=False
    )


def _verify(cloud: Cloud) -> bool | str:
    """Trust the CAs that the rest of the daemon trusts: the system's, not those of certifi."""
    if not cloud.verify:
        return False
    paths = ssl.get_default_verify_paths()
    return cloud.cacert or paths.cafile or paths.capath or True


def _grant(cloud: Cloud, access: AccessInfo, headers: Mapping[str, str], wanted: Wanted) -> Grant:
    expires, issued = access.expires, access.issued
    if expires is None or issued is None or expires <= issued:
        msg = f"Keystone's token for {cloud.where} does not say how long it lives"
        raise Permanent(msg)
    for secret in headers.values():
        remember(secret)
    return Grant(
        headers=dict(headers),
        url=_url(cloud, access, wanted),
        lifetime_s=(expires - issued).total_seconds(),
        project=access.project_id or "",
        system=bool(access.system_scoped),
        roles=tuple(access.role_names or ()),
    )


def _url(cloud: Cloud, access: AccessInfo, wanted: Wanted) -> str:
    """Return the endpoint as it stands in the catalogue, without a slash at the end."""
    if stated := wanted.override(cloud):
        return stated.replace("%(project_id)s", access.project_id or "")
    found = (
        access.service_catalog.get_endpoint_data_list(wanted.type, cloud.interface)
        if access.has_service_catalog()
        else []
    )
    regions = sorted({str(endpoint.region_name) for endpoint in found})
    if not cloud.region and len(regions) > 1:
        msg = f"{cloud.where}.region_name: missing; expected one of {', '.join(regions)}"
        raise Permanent(msg)
    for endpoint in found:
        if endpoint.url and cloud.region in ("", endpoint.region_name):
            return str(endpoint.url).rstrip("/")
    there = f"it has one in: {', '.join(regions)}" if regions else "is the token of a project?"
    region = f" in region {cloud.region}" if cloud.region else ""
    none = f"the catalogue has no {cloud.interface} endpoint of {wanted.type}{region}"
    msg = f"{cloud.where}: {none}; {there}"
    raise Permanent(msg)


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


class BoundedSession(requests.Session):
    """A session of requests that reads no answer larger than ANSWER_MAX."""

    @override
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = super().send(request, **{**kwargs, "stream": True})
        try:
            body = response.raw.read(ANSWER_MAX + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
        finally:
            response.close()
        if len(body) > ANSWER_MAX:
            msg = f"the answer is larger than {ANSWER_MAX} bytes"
            raise requests.ConnectionError(msg)
        response.raw = io.BytesIO(body)
        return response
