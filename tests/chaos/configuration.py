"""One controller's daemon: its configuration and its secrets. All three differ in names alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.chaos.net import Net
from tests.chaos.plan import CONTROLLERS
from tests.slice.monitor import BEARER
from tests.slice.site import secret

Json = dict[str, Any]
EVIDENCE, METRICS, CLIENTS, PEERS = 12_345, 9_877, 2_379, 2_380
LEASE_S = 5
TIMING = {
    "grace_s": 0.5,
    "warm_up_s": 0,
    "read_every_s": 0.2,
    "off_timeout_s": 8,
    "backoff_s": 0.2,
    "backoff_max_s": 2,
}
MOVES = {"settle_s": 10, "follow_every_s": 0.5, "guard_every_s": 1, "evacuation_timeout_s": 30}
"""As fast as the configuration lets it be; nothing of it makes a proof weaker."""
PATIENCE = {"read_timeout_s": 15, "force_down_timeout_s": 8, "evacuate_timeout_s": 10}
"""Longer than Nova takes here when it is slow."""
MANY = 10_000


def name_of(number: int) -> str:
    return f"ctl-{number + 1}"


def written(folder: Path, cloud: Json, net: Net, number: int) -> Path:
    """Write it with its secrets; return its path. `cloud`: the sections that tell of the cloud."""
    secret(folder / "bearer", BEARER)
    path = folder / "doctor-daemon.yaml"
    path.write_text(yaml.safe_dump({**_options(folder, net, number), **cloud}))
    return path


def endpoints(net: Net) -> list[str]:
    return [f"http://{net.address(number)}:{CLIENTS}" for number in range(CONTROLLERS)]


def _options(folder: Path, net: Net, number: int) -> Json:
    own, urls = net.address(number), endpoints(net)
    return {
        "mode": "evacuate",
        "listen": f"{own}:{EVIDENCE}",
        "metrics_listen": f"{own}:{METRICS}",
        "operators": {"socket": str(folder / "operators.sock"), "group": "nobody-uses-this-group"},
        "state": {
            "type": "etcd",
            "endpoints": urls[number:] + urls[:number],
            "i_accept_plain_http": True,
            "lease_s": LEASE_S,
            "name": name_of(number),
        },
        "log": {"format": "text", "level": "info"},
        "timing": TIMING,
        "evacuation": MOVES,
        "budget": {"total": MANY},
        "mass": dict.fromkeys(("total", "per_domain", "ratio_from", "all_from"), MANY),
        "sources": [
            {
                "name": "alerts",
                "type": "alertmanager",
                "trust": "alone",
                "auth": {"bearer_file": "bearer"},
            }
        ],
    }


def webhook(name: str, url: str, secret_file: str, audience: Json) -> Json:
    """Return what is said of a consumer."""
    return {
        "name": name,
        "type": "webhook",
        "url": url,
        "i_accept_plain_http": True,
        "secret_file": secret_file,
        "audience": audience,
    }


def machine(name: str, **device: object) -> Json:
    """Return what is said of a host. Each is of a failure domain of its own: they share no budget.

    `device`: options of its BMC.
    """
    return {
        "names": name,
        "domain": name,
        "mode": "evacuate",
        "shared_storage": True,
        "levels": [[{"type": "redfish", "timeout_s": 2, **device}], "manual"],
    }
