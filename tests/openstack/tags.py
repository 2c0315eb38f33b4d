"""What can be written on a flavor, a host and a server in a real Nova."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.openstack.estate import Estate
from tests.openstack.testbed.site import HOSTS

PRIORITY = "instanceha:restart_priority"


@contextmanager
def aggregate(estate: Estate, host: str, metadata: Mapping[str, str]) -> Iterator[None]:
    """An aggregate around one host, without an availability zone."""
    compute = estate.admin.compute
    made = compute("POST", "/os-aggregates", {"aggregate": {"name": "tagged"}})["aggregate"]
    path = f"/os-aggregates/{made['id']}"
    compute("POST", f"{path}/action", {"add_host": {"host": host}})
    compute("POST", f"{path}/action", {"set_metadata": {"metadata": dict(metadata)}})
    try:
        yield
    finally:
        compute("POST", f"{path}/action", {"remove_host": {"host": host}})
        compute("DELETE", path)


@contextmanager
def flavored(estate: Estate, specs: Mapping[str, str]) -> Iterator[str]:
    """Yield a flavor with such extra specs; a server keeps what its flavor was like."""
    if not specs:
        yield "tiny"
        return
    named = {"name": "tagged", "id": "tagged", "vcpus": 1, "ram": 64, "disk": 1}
    estate.admin.compute("POST", "/flavors", {"flavor": named})
    try:
        wanted = {"extra_specs": dict(specs)}
        estate.admin.compute("POST", "/flavors/tagged/os-extra_specs", wanted)
        yield "tagged"
    finally:
        estate.admin.compute("DELETE", "/flavors/tagged", expect=202)


@contextmanager
def server_group(estate: Estate, policy: str, **rules: int) -> Iterator[str]:
    """Yield a group of the tenant's, for servers that are booted into it."""
    named = {"name": "grouped", "policy": policy} | ({"rules": rules} if rules else {})
    compute = estate.tenant.compute
    path, body = "/os-server-groups", {"server_group": named}
    group = compute("POST", path, body, version="2.64")["server_group"]["id"]
    try:
        yield group
    finally:
        compute("DELETE", f"{path}/{group}", expect=204)


@contextmanager
def zone(estate: Estate) -> Iterator[None]:
    """An aggregate with an availability zone around all hosts: the contract reads one."""
    named = {"name": "rack-1", "availability_zone": "zone-1"}
    made = estate.admin.compute("POST", "/os-aggregates", {"aggregate": named})["aggregate"]
    path = f"/os-aggregates/{made['id']}"

    def change(word: str) -> None:
        for host in HOSTS:
            estate.admin.compute("POST", f"{path}/action", {word: {"host": host}})

    change("add_host")
    try:
        yield
    finally:
        change("remove_host")
        estate.admin.compute("DELETE", path)


def write(estate: Estate, server: str, **metadata: str) -> None:
    """What the owner of a server writes on it; ``priority`` is instanceha's."""
    named = {PRIORITY if key == "priority" else key: text for key, text in metadata.items()}
    estate.tenant.compute("PUT", f"/servers/{server}/metadata", {"metadata": named})
