"""The configuration files of the OpenStack services.

Written for each run, since they hold its folders and ports. The timings are shorter than
upstream's, so that a host dies and returns within seconds; nothing else is bent.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from tests.openstack.testbed.site import HOSTS, PASSWORD, Site

# Upstream has 10, 60 and 60 seconds.
REPORT_INTERVAL_S = 2
SERVICE_DOWN_TIME_S = 8
RPC_RESPONSE_TIMEOUT_S = 20
_LOG = {"use_stderr": "true", "use_journal": "false"}
_POOL = {"max_pool_size": 10, "max_overflow": 40}
_POLICY = """\
# A tenant may name the host of a new server, so that a test can fill a host.
"compute:servers:create:requested_destination": "rule:project_member_or_admin"
# A tenant sees host_status of its servers in full: UP, MAINTENANCE, UNKNOWN, DOWN.
"os_compute_api:servers:show:host_status": "rule:project_reader_or_admin"
"""

Sections = Mapping[str, Mapping[str, object]]


def write_configuration(site: Site) -> None:
    """All files of a run, under ``run/etc``."""
    etc = site.run / "etc"
    _write(etc / "keystone" / "keystone.conf", _keystone(site))
    _write(etc / "placement" / "placement.conf", _placement(site))
    _write(etc / "nova" / "nova.conf", _nova(site))
    (etc / "nova" / "policy.yaml").write_text(_POLICY)
    _write(etc / "cinder" / "cinder.conf", _cinder(site))
    for name in ("control", "cinder"):
        site.state(name).mkdir(parents=True, exist_ok=True)
    for host in HOSTS:
        _write_compute(site, host)


def database(site: Site, name: str) -> str:
    """SQLAlchemy's address of a database."""
    port = site.port("mariadb")
    return f"mysql+pymysql://testbed:{PASSWORD}@127.0.0.1:{port}/{name}?charset=utf8"


def _write(path: Path, sections: Sections) -> None:
    lines: list[str] = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in options.items()), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def _credentials(site: Site, user: str) -> dict[str, object]:
    return {
        "auth_type": "password",
        "auth_url": site.auth_url,
        "username": user,
        "password": PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": "RegionOne",
    }


def _token_check(site: Site, user: str) -> dict[str, object]:
    return {
        **_credentials(site, user),
        "www_authenticate_uri": site.auth_url,
        "service_token_roles": "service",
        "service_token_roles_required": "true",
    }


def _keystone(site: Site) -> Sections:
    keys = site.run / "keys"
    return {
        "DEFAULT": _LOG,
        "database": {**_POOL, "connection": database(site, "keystone")},
        "fernet_tokens": {"key_repository": keys / "fernet"},
        "credential": {"key_repository": keys / "credential"},
        "identity": {"password_hash_rounds": 4},
        "token": {"expiration": 86400},
        "cache": {"enabled": "true", "backend": "dogpile.cache.memory"},
    }


def _placement(site: Site) -> Sections:
    return {
        "DEFAULT": _LOG,
        "placement_database": {**_POOL, "connection": database(site, "placement")},
        "keystone_authtoken": _token_check(site, "placement"),
    }


def _nova(site: Site) -> Sections:
    policy = site.run / "etc" / "nova" / "policy.yaml"
    paste = site.home / "venv" / "etc" / "nova" / "api-paste.ini"
    credentials = _credentials(site, "nova")
    return {
        "DEFAULT": _nova_default(site),
        "oslo_concurrency": {"lock_path": site.state("control")},
        "oslo_messaging_rabbit": {
            "rabbit_qos_prefetch_count": 0,
            "heartbeat_timeout_threshold": 30,
        },
        "notifications": {"notification_format": "versioned"},
        "oslo_messaging_notifications": {"driver": "messagingv2"},
        "oslo_policy": {"policy_file": policy},
        "wsgi": {"api_paste_config": paste},
        "api": {"auth_strategy": "keystone"},
        "api_database": {**_POOL, "connection": database(site, "nova_api")},
        "database": {**_POOL, "connection": database(site, "nova_cell1")},
        "keystone_authtoken": _token_check(site, "nova"),
        "service_user": {**credentials, "send_service_user_token": "true"},
        "placement": credentials,
        "neutron": credentials,
        "cinder": {**credentials, "catalog_info": "block-storage::publicURL"},
        "glance": {"endpoint_override": site.url("stub", "/image")},
        "image_cache": {"manager_interval": -1},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 2, "max_attempts": 3},
        "quota": {"instances": -1, "cores": -1, "ram": -1},
        "vnc": {"enabled": "false"},
    }


def _nova_default(site: Site) -> dict[str, object]:
    return {
        **_LOG,
        "transport_url": f"rabbit://testbed:{PASSWORD}@127.0.0.1:{site.port('amqp')}/",
        "my_ip": "127.0.0.1",
        "state_path": site.state("control"),
        "host": "control",
        "compute_driver": "testbed.HypervisorDriver",
        "report_interval": REPORT_INTERVAL_S,
        "service_down_time": SERVICE_DOWN_TIME_S,
        "rpc_response_timeout": RPC_RESPONSE_TIMEOUT_S,
        "periodic_fuzzy_delay": 0,
        "heal_instance_info_cache_interval": -1,
        "running_deleted_instance_poll_interval": 0,
        "instance_usage_audit": "false",
        "update_resources_interval": 30,
        "osapi_compute_workers": 1,
    }


def _cinder(site: Site) -> Sections:
    """One host with two backends, of which only the first has a replication target."""
    etc, state = site.home / "venv" / "etc" / "cinder", site.state("cinder")
    backend = {
        "volume_driver": "cinder.volume.drivers.testbed.ReplicatedDriver",
        "target_helper": "fake",
        "volume_clear": "none",
    }
    credentials = _credentials(site, "cinder")
    return {
        "DEFAULT": {
            **_LOG,
            "transport_url": f"rabbit://testbed:{PASSWORD}@127.0.0.1:{site.port('amqp')}/",
            "my_ip": "127.0.0.1",
            "host": "control",
            "state_path": state,
            "osapi_volume_listen": "127.0.0.1",
            "osapi_volume_listen_port": site.port("cinder"),
            "osapi_volume_workers": 1,
            "auth_strategy": "keystone",
            "api_paste_config": etc / "api-paste.ini",
            "resource_query_filters_file": etc / "resource_filters.json",
            "rootwrap_config": etc / "rootwrap.conf",
            "report_interval": REPORT_INTERVAL_S,
            "service_down_time": SERVICE_DOWN_TIME_S,
            "rpc_response_timeout": RPC_RESPONSE_TIMEOUT_S,
            "enabled_backends": "alpha,beta",
        },
        "alpha": {
            **backend,
            "volume_backend_name": "alpha",
            "replication_device": "backend_id:spare",
        },
        "beta": {**backend, "volume_backend_name": "beta"},
        "database": {**_POOL, "connection": database(site, "cinder")},
        "oslo_concurrency": {"lock_path": state},
        "coordination": {"backend_url": f"file://{state}"},
        "keystone_authtoken": _token_check(site, "cinder"),
        "nova": credentials,
        "service_user": {**credentials, "send_service_user_token": "true"},
    }


def _write_compute(site: Site, host: str) -> None:
    state = site.state(host)
    state.mkdir(parents=True, exist_ok=True)
    (state / "compute_id").write_text(str(uuid.uuid4()))
    _write(
        site.run / "etc" / "nova" / f"{host}.conf",
        {
            "DEFAULT": {"host": host, "state_path": state},
            "oslo_concurrency": {"lock_path": state / "locks"},
        },
    )
