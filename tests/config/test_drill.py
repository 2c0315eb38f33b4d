"""Which hosts may be drilled: nothing, unless the file says so, and only what it knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon.config import Settings

Reading = Callable[..., Settings]
Refusal = Callable[..., str]
HOSTS = "hosts: [{names: 'a-[1-3]'}, {names: b}]\n"


def section(**more: object) -> str:
    options = {"hosts": "a-1", "image": "i", "flavor": "f", **more}
    told = ", ".join(f"{key}: {value}" for key, value in options.items() if value is not None)
    return f"{HOSTS}drill: {{{told}}}\n"


def test_nothing_may_be_drilled_unless_it_is_said(read: Reading) -> None:
    assert read(HOSTS).drill is None


def test_what_is_said(read: Reading) -> None:
    drill = read(section(hosts="['a-[1-2]', b]", network="auto", cloud="other")).drill
    assert drill is not None
    assert drill.names() == {"a-1", "a-2", "b"}
    assert (drill.image, drill.flavor, drill.network, drill.cloud) == ("i", "f", "auto", "other")
    shipped = read(section()).drill
    assert shipped is not None
    assert (shipped.network, shipped.cloud) == ("none", "")
    limits = (shipped.boot_timeout_s, shipped.move_timeout_s, shipped.return_timeout_s)
    assert limits == (300, 1800, 3600)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"hosts": "c"}, "drill.hosts: found 'c'; expected names that stand under `hosts`"),
        ({"hosts": "'a-[1-9]'"}, "drill.hosts: found 'a-4' and 5 more; expected names"),
        ({"hosts": "'a-[1'"}, "drill.hosts: expected a host's name"),
        ({"hosts": "[]"}, "drill.hosts: found"),
        ({"hosts": None}, "drill.hosts: missing"),
        ({"image": None}, "drill.image: missing"),
        ({"flavor": "''"}, "drill.flavor: found"),
        ({"network": 7}, "drill.network: found 7; expected text"),
        ({"boot_timeout_s": 9}, "drill.boot_timeout_s: found 9; expected at least 10"),
        ({"return_timeout_s": 20_000}, "drill.return_timeout_s: found 20000; expected at most"),
        ({"host": "a-1"}, "drill.host: unknown option; did you mean 'hosts'?"),
    ],
)
def test_what_is_wrong_is_said(refused: Refusal, more: dict[str, object], told: str) -> None:
    assert told in refused(section(**more))
