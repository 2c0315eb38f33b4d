"""What docs/power-devices.md says of the options is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from doctor_daemon.config.models import PowerDevice
from doctor_daemon.fencers.redfish import Redfish

PAGE = (Path(__file__).parents[2] / "docs" / "power-devices.md").read_text(encoding="utf-8")


def test_every_option_is_explained_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", PAGE, re.MULTILINE)
    explained = {name: default for name, default in rows if name in Redfish.Config.model_fields}
    shown = {"ca_file": "the system's", "verify": "true", "timeout_s": "10"}
    consents = {"i_accept_unverified_tls": "false", "i_accept_plain_http": "false"}
    required = dict.fromkeys(("url", "username", "password_file"), "")
    assert explained == shown | consents | required
    assert set(explained) == set(Redfish.Config.model_fields)
    assert Redfish.Config.model_fields["timeout_s"].default == 10


def test_the_example_is_valid() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ((device,),) = yaml.safe_load(example)["levels"]
    assert device["type"] == "redfish"
    own = {name: value for name, value in device.items() if name not in PowerDevice.model_fields}
    assert Redfish.Config.model_validate_json(json.dumps(own)).username == "doctor"
    assert set(device) > set(own)
    for name in set(PowerDevice.model_fields) - {"type"}:
        assert f"`{name}`" in PAGE
