"""What can be written on a flavor and on a host in a real Nova, and is taken away again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.openstack.estate import Estate


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
