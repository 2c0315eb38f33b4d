"""Sources: authentication and trust."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from doctor_daemon.config import AuthKind, Settings, SourceAuth
from doctor_daemon.core.evidence import Trust
from doctor_daemon.ports import SecretFile, SourceTerms
from tests.config.samples import Monitor, MonitorConfig

Reading = Callable[..., Settings]
Refusal = Callable[..., str]

SOURCE = "sources: [{name: am, type: sample-monitor, %s}]\n"


def test_a_source_has_its_class_its_options_its_terms_and_its_secret(
    read: Reading, folder: object
) -> None:
    text = SOURCE % "trust: alone, auth: {bearer_file: token}, host_labels: [instance, host]"
    (source,) = read(text + "timing: {evidence_age_s: 400}\n").sources
    assert source.plugin is Monitor
    assert source.config == MonitorConfig(host_labels=("instance", "host"))
    assert source.terms == SourceTerms("am", Trust.ALONE, 400)
    assert source.auth.kind is AuthKind.BEARER
    assert source.auth.secret is not None
    assert source.auth.secret.read() == "the-token-secret"


@pytest.mark.parametrize(
    ("options", "trust"),
    [
        ("auth: {bearer_file: token}", Trust.SECOND),
        ("trust: second, auth: {token_file: token}", Trust.SECOND),
        ("trust: alone, auth: {token_file: token}", Trust.ALONE),
        ("auth: {addresses: [127.0.0.1], i_accept_unauthenticated: true}", Trust.OPEN),
        (
            "trust: second, auth: {addresses: ['::1'], i_accept_unauthenticated: true}",
            Trust.OPEN,
        ),
    ],
)
def test_trust_is_given_and_never_assumed(read: Reading, options: str, trust: Trust) -> None:
    assert read(SOURCE % options).sources[0].terms.trust is trust


def test_addresses_are_networks(read: Reading) -> None:
    text = SOURCE % "auth: {addresses: [127.0.0.1, 192.0.2.0/24], i_accept_unauthenticated: true}"
    networks = (ip_network("127.0.0.1/32"), ip_network("192.0.2.0/24"))
    assert read(text).sources[0].auth == SourceAuth(AuthKind.ADDRESSES, None, networks)


TLS = "tls: {certificate_file: ours.pem, key_file: token, client_ca_file: ca.pem}\n"


def test_certificates_have_names(read: Reading) -> None:
    text = SOURCE % "auth: {certificates: ['dns:AM.example.org', 'uri:spiffe://x', 'sha256:%s']}"
    settings = read(TLS + text % ":".join(["AB"] * 32))
    auth = settings.sources[0].auth
    names = ("dns:am.example.org", "uri:spiffe://x", f"sha256:{'ab' * 32}")
    assert (auth.kind, auth.certificates) == (AuthKind.CERTIFICATE, names)
    assert settings.tls is not None
    assert settings.tls.certificate_file == settings.file.parent / "ours.pem"
    assert settings.tls.client_ca_file == settings.file.parent / "ca.pem"
    assert settings.tls.key_file in settings.secrets


@pytest.mark.parametrize("name", ["am.example.org", "dns:", "sha256:abcd", "dn:x", "dns:a\\nb"])
def test_certificates_that_have_no_names(refused: Refusal, name: str) -> None:
    text = SOURCE % f'auth: {{certificates: ["{name}"]}}'
    assert "expected dns:, uri:, ip:, email: or cn: with a name" in refused(TLS + text)


def test_a_certificate_and_a_signature_go_together(read: Reading) -> None:
    text = SOURCE % "auth: {certificates: ['dns:am'], hmac_files: [token], hmac_window_s: 30}"
    auth = read(TLS + text).sources[0].auth
    assert (auth.kind, auth.certificates, auth.window_s) == (AuthKind.HMAC, ("dns:am",), 30)
    assert [key.read() for key in auth.keys] == ["the-token-secret"]


@pytest.mark.parametrize("tls", ["", TLS.replace(", client_ca_file: ca.pem", "")])
@pytest.mark.parametrize("more", ["", ", hmac_files: [token]"])
def test_a_certificate_that_nobody_asks_for_is_a_mistake(
    refused: Refusal, tls: str, more: str
) -> None:
    text = SOURCE % f"auth: {{certificates: ['dns:am']{more}}}"
    assert "tls.client_ca_file: missing; am shows a certificate" in refused(tls + text)


def test_over_tls_no_secret_can_be_read_on_the_way(read: Reading) -> None:
    text = SOURCE % "trust: alone, auth: {bearer_file: token}"
    text += "listen: 0.0.0.0:12345\nhosts: [{names: a, mode: fence}]\n"
    plain = [one for one in read(text).warnings if "plain HTTP" in one]
    assert len(plain) == 2
    assert not [one for one in read(TLS + text).warnings if "plain HTTP" in one]


def test_a_source_has_limits(read: Reading) -> None:
    text = SOURCE % (
        "auth: {bearer_file: token}, limits: {rate_per_s: 5, burst: 7, body_max_kib: 2}"
    )
    terms = read(text).sources[0].terms
    assert (terms.rate_per_s, terms.burst, terms.body_max) == (5, 7, 2048)


def test_a_source_that_looks_by_itself_has_no_limits(refused: Refusal) -> None:
    text = "sources: [{name: eye, type: sample-eye, limits: {burst: 7}}]"
    assert "sources[0].limits: expected no such option: this source looks" in refused(text)


def test_keys_sign_within_a_window(read: Reading) -> None:
    auth = read(SOURCE % "auth: {hmac_files: [token], hmac_window_s: 30}").sources[0].auth
    assert (auth.kind, auth.window_s) == (AuthKind.HMAC, 30)
    assert [key.read() for key in auth.keys] == ["the-token-secret"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("auth: {hmac_files: [a, b, c]}", "sources[0].auth.hmac_files: "),
        ("auth: {hmac_files: [token], bearer_file: token}", "found bearer_file and hmac_files"),
        ("auth: {certificates: ['dns:a'], token_file: token}", "found token_file and certificates"),
        (
            "auth: {bearer_file: token, hmac_window_s: 30}",
            "sources[0].auth.hmac_window_s: expected no such option: it belongs to hmac_files",
        ),
        ("trust: full, auth: {bearer_file: token}", "expected 'alone' or 'second'"),
        ("trust: second", "sources[0].auth: missing; expected: how it proves who it is"),
        ("auth: {}", "sources[0].auth: found none; expected exactly one of bearer_file"),
        (
            "auth: {bearer_file: token, token_file: token}",
            "sources[0].auth: found bearer_file and token_file; expected exactly one of",
        ),
        ("auth: {bearer_file: ''}", "expected the name of a file that holds the secret"),
        ("auth: {bearer_file: 5}", "expected the name of a file that holds the secret"),
        (
            "auth: {addresses: [127.0.0.1]}",
            "sources[0].auth.i_accept_unauthenticated: expected true: whoever can send from",
        ),
        (
            "auth: {bearer_file: token, i_accept_unauthenticated: true}",
            "sources[0].auth.i_accept_unauthenticated: expected no such option",
        ),
        (
            "trust: alone, auth: {addresses: [127.0.0.1], i_accept_unauthenticated: true}",
            "sources[0].trust: found 'alone'; expected 'second': without a secret",
        ),
        ("auth: {addresses: [0.0.0.0/0]}", "a network of all addresses is no list"),
        ("auth: {addresses: ['::/0']}", "a network of all addresses is no list"),
        ("auth: {addresses: [192.0.2.1/24]}", "192.0.2.1/24 has host bits set"),
        ("auth: {addresses: [localhost]}", "expected a list of addresses or networks"),
        ("auth: {addresses: 127.0.0.1}", "expected a list of addresses or networks"),
        ("auth: {addresses: [1]}", "expected a list of addresses or networks"),
    ],
)
def test_what_is_not_clear_is_refused(refused: Refusal, options: str, told: str) -> None:
    assert told in refused(SOURCE % options)


def test_names_are_given_once(refused: Refusal) -> None:
    hook = "{name: a, type: sample-hook, url: x, secret_file: hook}"
    told = refused(f"consumers: [{hook}, {hook}]\n")
    assert "consumers[1].name: found 'a' twice; expected each name once" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("type: sample-monitor, path: /a", "sources[1].path: found /a again; expected one of its"),
        ("type: sample-monitor", "sources[1].path: found the default of sample-monitor again"),
    ],
)
def test_two_sources_cannot_share_a_path(refused: Refusal, options: str, told: str) -> None:
    one = f"{{name: %s, {options}, auth: {{bearer_file: token}}}}"
    assert told in refused(f"sources: [{one % 'a'}, {one % 'b'}]\n")


def test_every_secret_that_is_named_is_known(read: Reading) -> None:
    settings = read(
        f"{SOURCE % 'auth: {bearer_file: token}'}"
        "consumers: [{name: a, type: sample-hook, url: x, secret_file: hook}]\n"
        "hosts: [{names: 'c[1-2]', levels: [[{type: sample-bmc, url: https://x, "
        "password_file: bmc, uuid: '0011223344556677889900000000000{n}'}]]}]\n"
    )
    folder = settings.file.parent
    assert settings.secrets == tuple(SecretFile(name, folder) for name in ("token", "hook", "bmc"))


def test_b15_a_secret_that_others_can_read_is_refused(refused: Refusal, read: Reading) -> None:
    secret = read("").file.parent / "token"
    secret.chmod(0o644)
    told = refused(SOURCE % "auth: {bearer_file: token}")
    assert told.startswith("doctor-daemon.yaml:3: sources[0].auth.bearer_file: token: ")
    assert "mode is 0644" in told
    assert "chmod 600" in told
    assert "the-token-secret" not in told


LOOKING = "sources: [{name: eye, type: sample-eye%s}]\n"


@pytest.mark.parametrize(
    ("options", "trust"), [("", Trust.SECOND), (", trust: alone", Trust.ALONE)]
)
def test_a_source_that_looks_by_itself_needs_no_auth(
    read: Reading, options: str, trust: Trust
) -> None:
    (source,) = read(LOOKING % options).sources
    assert source.auth == SourceAuth(AuthKind.NOBODY)
    assert source.terms.trust is trust


def test_a_source_that_looks_by_itself_takes_no_auth(refused: Refusal) -> None:
    told = refused(LOOKING % ", auth: {bearer_file: token}")
    assert "sources[0].auth: expected no such option: this source looks by itself" in told


def test_two_that_look_by_themselves_share_no_path(read: Reading) -> None:
    one = "{name: %s, type: sample-eye}"
    assert len(read(f"sources: [{one % 'a'}, {one % 'b'}]\n").sources) == 2


def test_keystone_is_asked_about_tokens_where_roles_are_named(read: Reading) -> None:
    (source,) = read(SOURCE % "trust: alone, auth: {keystone_roles: [service, admin]}").sources
    assert source.auth == SourceAuth(AuthKind.KEYSTONE, roles=("service", "admin"))
    assert source.terms.trust is Trust.ALONE
