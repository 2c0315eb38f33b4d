"""check-config: what is wrong with the place of the state in etcd is told by field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.test_check import Json, changed, check, verdicts
from tests.slice.site import Site, secret, site

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEMBERS = ["https://192.0.2.1:2379", "https://192.0.2.2:2379"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("site")) as made:
        yield made


def kept(place: Site, **options: object) -> Path:
    """Write a configuration whose state is in etcd."""

    def change(found: Json) -> None:
        found["state"] = {"type": "etcd", "endpoints": MEMBERS} | options

    return changed(place, "etcd", change)


async def test_a_right_place_is_valid(place: Site) -> None:
    file = place.folder / "etcd-password"
    secret(file, "correct horse battery")
    done = await check(place, kept(place, username="doctor", password_file=str(file)))
    assert (done.status, verdicts(done, "error")) == (0, [])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoints": []}, "endpoints: expected at least one URL"),
        ({"endpoints": ["192.0.2.1:2379"]}, "endpoints: number 1: expected https://HOST"),
        ({"endpoints": [MEMBERS[0], "http://192.0.2.2:2379"]}, "number 2: url: plain http"),
        ({"endpoint": MEMBERS}, "state.endpoint: "),
        ({"prefix": "doctor"}, "prefix: expected words of letters"),
        ({"username": "doctor"}, "username: expected it together with password_file"),
        ({"cert_file": "/nowhere/own.pem"}, "cert_file: expected it together with key_file"),
        ({"ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem) cannot be used: No such file"),
        ({"username": "doctor", "password_file": "/nowhere/word"}, "/nowhere/word"),
        ({"timeout_s": 30}, "state.timeout_s: "),
        ({"closed_max": 0}, "state.closed_max: "),
        ({"path": "/var/lib/doctor-daemon/state"}, "state.path: "),
    ],
    ids=[
        *("none", "no-url", "plain", "misspelt", "prefix", "no-password", "no-key"),
        *("no-ca", "no-file", "patience", "nothing-kept", "sqlite"),
    ],
)
async def test_what_is_wrong_is_named(place: Site, options: Json, told: str) -> None:
    done = await check(place, kept(place, **options))
    assert done.status == 1
    assert [line for line in verdicts(done, "error") if told in line], done
