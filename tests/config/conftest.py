"""A folder with a configuration, its secrets, and sample plug-ins that are really installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doctor_daemon.config import Settings, load
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import secrets

HEAD = """\
cloud: {type: sample-cloud}
state: {type: sample-shelf}
"""
ENTRY_POINTS = """\
[doctor_daemon.inspectors]
sample-eye = tests.config.samples:Eye
sample-monitor = tests.config.samples:Monitor
[doctor_daemon.fencers]
sample-bmc = tests.config.samples:Bmc
[doctor_daemon.controllers]
sample-cloud = tests.config.samples:Cloud
[doctor_daemon.notifiers]
sample-hook = tests.config.samples:Hook
[doctor_daemon.stores]
sample-shelf = tests.config.samples:Shelf
"""


def install(folder: Path, name: str, entry_points: str) -> None:
    """Install a distribution as pip would: by the folder that says what it offers."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture(autouse=True)
def _sample_plugins(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("site")
    install(folder, "samples", ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture(autouse=True)
def _no_secret_is_known_yet() -> Iterator[None]:
    kept = secrets._memory  # noqa: SLF001 - those of other tests are no part of these
    secrets._memory = secrets.Memory()  # noqa: SLF001 - as above
    yield
    secrets._memory = kept  # noqa: SLF001 - as above


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("bmc", "hook", "token"):
        secret = tmp_path / name
        secret.write_text(f"the-{name}-secret\n")
        secret.chmod(0o600)
    return tmp_path


Reading = Callable[[str], Settings]


@pytest.fixture
def read(folder: Path) -> Reading:
    """Load a text, after the sections that every file must have."""

    def reading(text: str, head: str = HEAD) -> Settings:
        file = folder / "doctor-daemon.yaml"
        file.write_text(head + text)
        return load(file)

    return reading


@pytest.fixture
def refused(folder: Path, read: Reading) -> Callable[..., str]:
    """Return the words with which a text is refused, without the folder's name."""

    def refusing(text: str, head: str = HEAD) -> str:
        file = folder / "doctor-daemon.yaml"
        file.write_text(head + text)
        with pytest.raises(ConfigError) as caught:
            load(file)
        return str(caught.value).replace(f"{folder}/", "")

    return refusing
