"""The files that are shipped: loaded, complete, and in step with the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from doctor_daemon import plugins
from doctor_daemon.config import Address, Settings, load, models
from doctor_daemon.config.auth import Auth
from doctor_daemon.config.corroboration import Evidence
from doctor_daemon.config.drill import Drill
from doctor_daemon.config.reference import reference
from doctor_daemon.config.storage import Storage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.ports import SecretFile

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "doctor-daemon.yaml"
SECRETS = (
    *("alertmanager-token", "scripts-key", "project-token", "doctor-daemon.key"),
    *("operators-key", "bmc-password"),
)


def loaded(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load a shipped file as it is, but for one absolute path; its secrets are credentials."""
    credentials = folder / "credentials"
    credentials.mkdir()
    for secret in (*SECRETS, "clouds.yaml"):
        (credentials / secret).write_text("a-secret")
        (credentials / secret).chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    text = (ROOT / "config" / name).read_text()
    (folder / name).write_text(text.replace("/etc/openstack/clouds.yaml", "clouds.yaml"))
    (folder / "inventory.yaml").write_text((ROOT / "config" / "inventory.yaml").read_text())
    return load(folder / name)


ONE_BMC = (
    "hosts with a power device that no other contradicts: cmp-001, cmp-002, cmp-003: where it "
    "wrongly says off, only a sign of life of the host shows it"
)


def test_the_whole_file_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded("doctor-daemon.yaml", tmp_path, monkeypatch)
    assert settings.policy == Policy()
    assert settings.mode is Mode.OBSERVE
    assert (len(settings.plans), len(settings.devices)) == (5, 3)
    kinds = ["alertmanager", "doctor", "evidence", "masakari", "answers", "answers"]
    assert [source.kind for source in settings.sources] == kinds
    assert settings.warnings == (
        "sources: doctor-monitor is not authenticated: whoever sends from its addresses",
        ONE_BMC,
    )


def test_the_minimal_file_loads_with_no_warning_but_of_its_one_bmc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loaded("minimal.yaml", tmp_path, monkeypatch)
    assert settings.warnings == (ONE_BMC,)
    assert (settings.store.kind, settings.cloud.kind) == ("sqlite", "nova")
    assert len(settings.devices) == 3


def plain(value: object) -> object:
    """Bring a default into the form in which YAML gives it."""
    if isinstance(value, Mode):
        return value.name.lower()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Address | Path | SecretFile) else value


def compare(model: type[BaseModel], written: Mapping[str, Any], where: str) -> None:
    """See that every option is written, and with its default."""
    assert set(model.model_fields) == set(written), where
    for name, field in model.model_fields.items():
        default = field.default
        if isinstance(default, BaseModel):
            compare(type(default), written[name], f"{where}.{name}")
        else:
            assert written[name] == plain(default), f"{where}.{name}"


@pytest.mark.parametrize("section", ["operators", "log", "timing", "budget"])
def test_each_section_is_written_whole_and_with_its_defaults(section: str) -> None:
    model = type(models.File.model_fields[section].default)
    compare(model, yaml.safe_load(EXAMPLE.read_text())[section], section)


def test_every_option_at_the_top_is_written_and_the_plain_ones_with_their_defaults() -> None:
    written = yaml.safe_load(EXAMPLE.read_text())
    assert set(written) == set(models.File.model_fields)
    for name in ("mode", "listen", "metrics_listen"):
        assert written[name] == plain(models.File.model_fields[name].default)


def test_every_option_of_the_repeated_sections_is_written_somewhere() -> None:
    written = yaml.safe_load(EXAMPLE.read_text())
    devices = [
        device
        for entry in written["hosts"]
        for level in entry.get("levels", ())
        if level != "manual"
        for device in level
    ]
    for model, items in (
        (models.State, [written["state"]]),
        (models.Cloud, [written["cloud"]]),
        (Storage, [written["storage"]]),
        (Drill, [written["drill"]]),
        (models.Source, written["sources"]),
        (Auth, [source["auth"] for source in written["sources"]]),
        (models.Consumer, written["consumers"]),
        (models.Hosts, written["hosts"]),
        (Evidence, [entry["evidence"] for entry in written["hosts"] if "evidence" in entry]),
        (models.PowerDevice, devices),
    ):
        there = {name for item in items for name in item}
        assert set(model.model_fields) <= there, model


USES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    plugins.STORES: ("sqlite", lambda file: [file["state"]]),
    plugins.CONTROLLERS: ("nova", lambda file: [file["cloud"]]),
    plugins.STORAGE: ("cinder", lambda file: [file["storage"]]),
    plugins.FENCERS: ("redfish", lambda file: file["hosts"][0]["levels"][0]),
}


def own_options(group: str, type_: str) -> dict[str, Any]:
    model: type[BaseModel] = plugins.find(group, type_).Config
    return {name: plain(field.default) for name, field in model.model_fields.items()}


@pytest.mark.parametrize("group", sorted(USES))
def test_every_option_of_the_built_in_plugins_is_written(group: str) -> None:
    type_, items = USES[group]
    (item,) = items(yaml.safe_load(EXAMPLE.read_text()))
    assert item["type"] == type_
    assert own_options(group, type_).keys() <= item.keys()


@pytest.mark.parametrize("number", range(4))
def test_every_option_of_the_built_in_sources_is_written(number: int) -> None:
    source = yaml.safe_load(EXAMPLE.read_text())["sources"][number]
    assert own_options(plugins.INSPECTORS, source["type"]).keys() <= source.keys()


@pytest.mark.parametrize("number", range(3))
def test_every_option_of_the_built_in_consumers_is_written(number: int) -> None:
    consumers = yaml.safe_load(EXAMPLE.read_text())["consumers"]
    types = {consumer["type"] for consumer in consumers}
    assert types == {
        entry.name
        for entry in distribution("doctor-daemon").entry_points
        if entry.group == plugins.NOTIFIERS
    }
    own = own_options(plugins.NOTIFIERS, consumers[number]["type"])
    assert own.keys() <= consumers[number].keys()


@pytest.mark.parametrize("section", ["state", "cloud", "storage"])
def test_the_store_and_the_cloud_are_written_with_their_defaults(section: str) -> None:
    written = yaml.safe_load(EXAMPLE.read_text())[section]
    group = {
        "state": plugins.STORES,
        "cloud": plugins.CONTROLLERS,
        "storage": plugins.STORAGE,
    }[section]
    model: type[BaseModel] = plugins.find(group, written["type"]).Config
    for name, field in model.model_fields.items():
        if not field.is_required():
            assert written[name] == plain(field.default), name


def test_every_built_in_is_loadable_and_keeps_the_convention() -> None:
    for entry in distribution("doctor-daemon").entry_points:
        if entry.group.startswith("doctor_daemon."):
            assert plugins.find(entry.group, entry.name).api == 1


def test_every_option_is_explained() -> None:
    text = reference()
    assert [line for line in text.splitlines() if line.endswith("|  |")] == []


def test_the_document_is_in_step() -> None:
    document = (ROOT / "docs" / "configuration.md").read_text()
    assert document == reference(), (
        "run: python -m doctor_daemon.config.reference > docs/configuration.md"
    )
