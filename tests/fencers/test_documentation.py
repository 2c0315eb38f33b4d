"""What docs/power-devices.md says of the options is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from doctor_daemon import plugins
from doctor_daemon.config.models import PowerDevice
from doctor_daemon.config.reference import shown

PAGE = (Path(__file__).parents[2] / "docs" / "power-devices.md").read_text(encoding="utf-8")
TYPES = plugins.names(plugins.FENCERS)
WORDS = {"ca_file": "the system's"}
"""Defaults that are told in words."""


def part(type_: str) -> str:
    (found,) = re.findall(rf"^## {type_}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def model_of(type_: str) -> type[BaseModel]:
    model: type[BaseModel] = plugins.find(plugins.FENCERS, type_).Config
    return model


def default_of(name: str, field: Any) -> str:  # noqa: ANN401 - pydantic's
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    return WORDS.get(name) or ("none" if value is None else shown(value))


@pytest.mark.parametrize("type_", TYPES)
def test_every_option_is_explained_with_its_default(type_: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", part(type_), re.MULTILINE)
    fields = model_of(type_).model_fields
    explained = {name: default for name, default in rows if name in fields}
    assert explained == {name: default_of(name, field) for name, field in fields.items()}


@pytest.mark.parametrize("type_", TYPES)
def test_the_example_is_valid(type_: str) -> None:
    (example, *_) = re.findall(r"^```yaml\n(.*?)^```$", part(type_), re.MULTILINE | re.DOTALL)
    ((device, *_),) = yaml.safe_load(example)["levels"]
    assert device["type"] == type_
    own = {name: value for name, value in device.items() if name not in PowerDevice.model_fields}
    model_of(type_).model_validate_json(json.dumps(own))
    assert set(device) > set(own)
    for name in set(PowerDevice.model_fields) - {"type"}:
        assert f"`{name}`" in PAGE
