"""The daemon's configuration: what is shipped, with every threshold a fifth of it.

Clouds and BMCs are known by name, as operators have them; points of our own side by address.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.redfish import USER
from tests.false_positives.plan import COOL_DOWN_S, HOSTS, Without
from tests.heartbeat.beats import SECRET, private
from tests.slice.monitor import BEARER
from tools.netns import BMCS, CLOUD, DAEMON, Fleet

Json = dict[str, Any]
EVIDENCE, METRICS, BEATS = 12_345, 9_100, 7_412
TIMING = {
    "grace_s": 2.0,
    "warm_up_s": 0,
    "corroboration_s": 24,
    "life_age_s": 12,
    "contradiction_s": 24,
    "evidence_age_s": 120,
    "off_timeout_s": 8,
    "backoff_s": 0.2,
    "backoff_max_s": 6,
}
OWN_SIDE = {"every_s": 1, "timeout_s": 0.8, "age_s": 2}
MANY = 100_000


def written(folder: Path, lab: Lab, net: Fleet, without: AbstractSet[Without]) -> Path:
    """Write it with its secrets; return its path."""
    private(folder / "bearer", BEARER)
    private(folder / "fleet", SECRET.decode())
    path = folder / "doctor-daemon.yaml"
    path.write_text(yaml.safe_dump(_options(folder, lab, net, without)))
    return path


def _options(folder: Path, lab: Lab, net: Fleet, without: AbstractSet[Without]) -> Json:
    found = lab.describe()
    many = dict.fromkeys(("total", "per_domain", "ratio_from", "all_from"), MANY)
    hooks = found["consumers"].items()
    return {
        "mode": "evacuate",
        "listen": f"{DAEMON}:{EVIDENCE}",
        "metrics_listen": f"{DAEMON}:{METRICS}",
        "operators": {"socket": str(folder / "operators.sock"), "group": "nobody-uses-this-group"},
        "state": {"type": "sqlite", "path": str(folder / "state" / "state.sqlite3")},
        "log": {"format": "text", "level": "info"},
        "timing": TIMING,
        "release": {"quiet_s": 24},
        "evacuation": {"settle_s": 12},
        "mass": {"cool_down_s": COOL_DOWN_S, **(many if Without.MASS in without else {})},
        "own_side": _own_side(lab),
        "cloud": {
            "type": "nova",
            "clouds_file": found["clouds"],
            "cloud": found["cloud"],
        },
        "sources": _sources(folder),
        "consumers": [_consumer(name, hook) for name, hook in hooks],
        "hosts": [_host(number, found, net) for number in HOSTS],
    }


def _own_side(lab: Lab) -> Json:
    """Have the daemon look at its links, at the cloud, and at the network of the BMCs."""
    cloud = urlsplit(lab.keystone.root).port
    bmc = urlsplit(lab.bmc_urls["compute-1"]).port
    points = {"reference_points": [f"{CLOUD}:{cloud}"], "bmc_points": [f"{BMCS}:{bmc}"]}
    return {**OWN_SIDE, **points, "interfaces": ["net", "oob"]}


def _sources(folder: Path) -> list[Json]:
    beats = {
        "listen": [f"{DAEMON}:{BEATS}"],
        "keys": [{"secret_file": str(folder / "fleet")}],
        "memory_file": str(folder / "heartbeat.memory"),
        "warm_up_s": 2,
    }
    ping = {"networks": ["net"], "every_s": 0.5, "timeout_s": 0.5, "misses": 4}
    return [
        {"name": "beats", "type": "heartbeat", "trust": "second", **beats},
        {"name": "pings", "type": "ping", "trust": "second", **ping},
        {
            "name": "services",
            "type": "nova",
            "trust": "second",
            "stale_s": 20,
            "report_interval_s": 2,
        },
        {
            "name": "alerts",
            "type": "alertmanager",
            "trust": "second",
            "auth": {"bearer_file": "bearer"},
        },
    ]


def _consumer(name: str, hook: Json) -> Json:
    project = hook["project_id"]
    return {
        "name": name,
        "type": "webhook",
        "url": hook["url"],
        "i_accept_plain_http": True,
        "secret_file": hook["secret_file"],
        "audience": {"projects": [project]} if project else {"operators": True},
    }


def _host(number: int, found: Json, net: Fleet) -> Json:
    name = f"compute-{number}"
    host = found["hosts"][name]
    device = {
        "type": "redfish",
        "url": host["system"],
        "i_accept_plain_http": True,
        "username": USER,
        "password_file": found["bmc"]["password_file"],
        "uuid": host["uuid"],
        "timeout_s": 2,
    }
    return {
        "names": name,
        "domain": f"rack-{net.rack_of(number)}",
        "addresses": {"net": net.address(number)},
        "mode": "evacuate",
        "shared_storage": True,
        "evidence": {"kinds": 2, "alone": []},
        "levels": [[device], "manual"],
    }
