"""Plug-ins are found by entry points alone, and refused unless they keep the convention."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_daemon import plugins
from doctor_daemon.errors import ConfigError
from tests.config import samples
from tests.config.conftest import install

Installing = Callable[[str, str], None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installing:
    """Install distributions, each a folder on the path with entry points for fencers."""

    def installing(name: str, lines: str) -> None:
        install(tmp_path, name, f"[{plugins.FENCERS}]\n{lines}\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    return installing


def test_a_foreign_plugin_is_found_like_a_built_in_one(installed: Installing) -> None:
    installed("theirs", "their-bmc = tests.config.samples:Bmc")
    assert plugins.find(plugins.FENCERS, "their-bmc") is samples.Bmc
    assert "their-bmc" in plugins.names(plugins.FENCERS)
    assert "redfish" in plugins.names(plugins.FENCERS)
    assert "their-bmc" not in plugins.names(plugins.INSPECTORS)


def test_the_built_in_ones_are_found_by_their_group() -> None:
    assert plugins.names(plugins.CONTROLLERS) == ("nova",)
    assert plugins.names(plugins.STORAGE) == ("cinder",)
    assert plugins.names(plugins.NETWORKS) == ("neutron",)
    assert plugins.names(plugins.STORES) == ("etcd", "memory", "sqlite")
    assert plugins.find(plugins.FENCERS, "redfish").__name__ == "Redfish"


def test_one_that_does_not_exist_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError) as caught:
        plugins.find(plugins.FENCERS, "redfisch")
    assert str(caught.value) == (
        "there is no type 'redfisch' in doctor_daemon.fencers; "
        "there are: fence_agent, ipmi, ironic, redfish, watchdog; did you mean 'redfish'?"
    )
    with pytest.raises(ConfigError, match=r"in no\.such\.group; there are: none$"):
        plugins.find("no.such.group", "x")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("tests.config.samples:OldApi", "is made for API 0 of doctor-daemon; this one has API 1"),
        ("tests.config.samples:BmcConfig", "is made for API None of doctor-daemon"),
        ("tests.config.samples:NoConfig", "has no `Config`; expected a pydantic model"),
        ("tests.config.samples:Loose", "must be frozen, with extra='forbid'"),
        ("tests.config.samples:no_class", "is no class"),
        ("tests.config.samples:Missing", "cannot be loaded: AttributeError"),
        ("no_such_module:Bmc", "cannot be loaded: ModuleNotFoundError: No module named"),
    ],
)
def test_one_that_does_not_keep_the_convention_is_refused(
    installed: Installing, target: str, words: str
) -> None:
    installed("theirs", f"theirs = {target}")
    with pytest.raises(ConfigError) as caught:
        plugins.find(plugins.FENCERS, "theirs")
    assert str(caught.value).startswith(f"{target} of theirs")
    assert words in str(caught.value)


def test_one_whose_import_fails_in_any_way_is_refused(
    installed: Installing, tmp_path: Path
) -> None:
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('not today')\n")
    installed("theirs", "theirs = broken_plugin:Bmc")
    with pytest.raises(ConfigError, match="cannot be loaded: RuntimeError: not today"):
        plugins.find(plugins.FENCERS, "theirs")


def test_a_type_that_two_packages_offer_is_refused(installed: Installing) -> None:
    installed("theirs", "redfish = tests.config.samples:Bmc")
    with pytest.raises(ConfigError) as caught:
        plugins.find(plugins.FENCERS, "redfish")
    assert "offered twice, by doctor_daemon.fencers.redfish:Redfish of doctor-daemon and" in str(
        caught.value
    )


def test_the_same_class_offered_twice_is_one(installed: Installing) -> None:
    installed("theirs", "redfish = doctor_daemon.fencers.redfish:Redfish")
    assert plugins.find(plugins.FENCERS, "redfish").__name__ == "Redfish"
