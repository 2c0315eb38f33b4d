"""E6: certificates at both ends of the way to etcd, and users beside them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports import SecretFile
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_options import EtcdConfig, tls
from tests.stores.etcd_cluster import Cluster, running
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_access import PASSWORD, READWRITE, USER, secret
from tests.stores.values import opening

OPENSSL = """
[req]
distinguished_name = name
prompt = no
[name]
{name} = doctor
[both]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = IP:127.0.0.1
"""
NAMES = {"own": "CN", "stranger": "CN", "nameless": "O"}


def certified(folder: Path) -> None:
    """Make certificates, each its own authority, for servers and clients."""
    for name, field in NAMES.items():
        (folder / "openssl.cnf").write_text(OPENSSL.format(name=field))
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-extensions", "both"),
                *("-config", "openssl.cnf", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=30,
        )
        (folder / f"{name}.key").chmod(0o600)
    both = (folder / "own.pem").read_text() + (folder / "nameless.pem").read_text()
    (folder / "trusted.pem").write_text(both)


@contextmanager
def secured(folder: Path) -> Iterator[Cluster]:
    """Run an etcd that shows a certificate, and wants one of its clients."""
    certified(folder)
    options = {"cert-file": "own.pem", "key-file": "own.key", "trusted-ca-file": "trusted.pem"}
    words = [word for name, file in options.items() for word in (f"--{name}", str(folder / file))]
    with running(folder / "etcd", options=(*words, "--client-cert-auth")) as cluster:
        yield cluster


def config(
    cluster: Cluster, folder: Path, name: str = "", ca: str = "own", **more: object
) -> EtcdConfig:
    """Return options of a client that shows a certificate of this name."""
    shown = {"cert_file": folder / f"{name}.pem"} if name else {}
    kept = {"key_file": SecretFile(folder / f"{name}.key")} if name else {}
    given: dict[str, Any] = {**shown, **kept, "timeout_s": 1.0, **more}
    return EtcdConfig(endpoints=cluster.urls, ca_file=folder / f"{ca}.pem", **given)


async def test_both_ends_show_a_certificate(tmp_path: Path) -> None:
    with secured(tmp_path) as cluster:
        async with opened(config(cluster, tmp_path, "own")) as (store, term):
            await store.commit(opening(), term=term)
        strangers = (("stranger", "own"), ("", "own"), ("own", "stranger"))
        for name, ca in strangers:
            with pytest.raises(Temporary, match=r"no connection|lost"):
                await EtcdStore(config(cluster, tmp_path, name, ca), open_s=1.0).open()


async def with_users(one: EtcdConfig) -> None:
    """Have etcd ask for users too: one may write below /doctor-daemon/."""
    gateway = Gateway(one.asked(), tls(one))
    try:
        for path, body in READWRITE:
            await gateway.call(path, body)
    finally:
        await gateway.close()


async def test_beside_users_a_certificate_has_no_common_name(tmp_path: Path) -> None:
    with secured(tmp_path) as cluster:
        password = secret(tmp_path, "password", PASSWORD)
        user: dict[str, Any] = {"username": USER, "password_file": password}
        async with opened(config(cluster, tmp_path, "nameless")):
            await with_users(config(cluster, tmp_path, "nameless"))
        async with opened(config(cluster, tmp_path, "nameless", **user)) as (store, term):
            await store.commit(opening(), term=term)
        with pytest.raises(Temporary, match="CommonName"):
            await EtcdStore(config(cluster, tmp_path, "own", **user), open_s=2.0).open()


def test_files_for_tls_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"ca\.pem\) cannot be used"):
        EtcdStore(EtcdConfig(endpoints=("https://a.example",), ca_file=tmp_path / "ca.pem"))
