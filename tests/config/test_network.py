"""What the file says of the network: nothing is said there unless it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.errors import ConfigError

PLUGIN = "network: {type: neutron, clouds_file: clouds.yaml, cloud: admin"
Reading = Callable[[str], Settings]


@pytest.fixture(autouse=True)
def _clouds(folder: Path) -> None:
    (folder / "clouds.yaml").write_text("clouds: {}\n")
    (folder / "clouds.yaml").chmod(0o600)


def test_without_a_network_nothing_is_said(read: Reading) -> None:
    settings = read("")
    assert (settings.network, settings.ports) == (None, PortPolicy())
    assert not PortPolicy().marks


def test_a_network_alone_says_nothing_either(read: Reading) -> None:
    settings = read(f"{PLUGIN}}}\n")
    assert settings.network is not None
    assert settings.network.kind == "neutron"
    assert settings.ports == PortPolicy()


def test_the_ports_of_fenced_hosts_are_marked_where_that_is_asked_for(read: Reading) -> None:
    ports = read(f"{PLUGIN}, data_plane_status: true, every_s: 5}}\n").ports
    assert ports == PortPolicy(marks=True, every_s=5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data_plane_status: DOWN", "network.data_plane_status: found 'DOWN'"),
        ("every_s: 0", "network.every_s: found 0; expected at least 1"),
        ("bogus: 1", "network.bogus: unknown option"),
        ("read_timeout_s: 0", "network.read_timeout_s: found 0"),
    ],
)
def test_what_is_wrong_is_named(read: Reading, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"{PLUGIN}, {text}}}\n")
    assert words in str(caught.value)


def test_a_type_that_does_not_exist_is_refused(read: Reading) -> None:
    with pytest.raises(ConfigError, match=r"there is no type 'ovn' in doctor_daemon\.networks"):
        read("network: {type: ovn}\n")
