"""What the file says of the storage of fenced hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_daemon.config import Settings, load
from doctor_daemon.config.storage import Storage
from doctor_daemon.core.volume_policy import VolumePolicy

HOSTS = "hosts: [{names: 'cmp-[1-2]'}]\n"
PLUGIN = "storage: {type: cinder, clouds_file: clouds.yaml, cloud: admin"
Reading = Callable[[str], Settings]


def test_without_storage_nothing_is_done(read: Reading) -> None:
    assert read(HOSTS).volumes == VolumePolicy()
    assert not VolumePolicy().acts


@pytest.fixture(autouse=True)
def _clouds(folder: Path) -> None:
    (folder / "clouds.yaml").write_text("clouds: {}\n")
    (folder / "clouds.yaml").chmod(0o600)


def test_by_default_what_ran_on_a_fenced_host_is_disabled_and_given_back(read: Reading) -> None:
    policy = read(f"{HOSTS}{PLUGIN}}}\n").volumes
    assert policy == VolumePolicy(acts=True, enable=True, by_thaw=False)


def test_all_of_it_can_be_chosen(read: Reading) -> None:
    backends = (
        "[{service: 'rbd:volumes@ceph', host: cmp-2}, {service: cmp-1@array, failover_to: b}]"
    )
    text = f"fenced: leave, enable: false, enable_by_thaw: true, every_s: 30, backends: {backends}"
    assert read(f"{HOSTS}{PLUGIN}, {text}}}\n").volumes == VolumePolicy(
        acts=False,
        enable=False,
        by_thaw=True,
        hosts={"rbd:volumes@ceph": "cmp-2"},
        failovers={"cmp-1@array": "b"},
        every_s=30.0,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fenced: evict", "storage.fenced: found 'evict'; expected 'disable' or 'leave'"),
        ("every_s: 0", "storage.every_s: found 0; expected at least 1"),
        ("backends: [{host: cmp-1}]", "storage.backends[0].service: missing"),
        ("backends: [{service: a, hots: b}]", "storage.backends[0].hots: unknown option"),
        (
            "backends: [{service: a, host: cmp-9}]",
            "storage.backends[0].host: found 'cmp-9'; expected the name of a host of `hosts`",
        ),
        (
            "backends: [{service: a}, {service: a}]",
            "storage.backends[1].service: found 'a' twice; expected each name once",
        ),
    ],
)
def test_faults_are_named(refused: Callable[..., str], text: str, words: str) -> None:
    assert words in refused(f"{HOSTS}{PLUGIN}, {text}}}\n")


def test_the_options_of_the_adapter_are_its_own(folder: Path, read: Reading) -> None:
    settings = read(f"{HOSTS}{PLUGIN}, write_timeout_s: 7}}\n")
    assert settings.storage is not None
    assert settings.storage.config.model_dump()["write_timeout_s"] == 7
    assert "write_timeout_s" not in Storage.model_fields
    assert load(folder / "doctor-daemon.yaml").volumes == settings.volumes
