"""What each process of the control plane is, and how it is started."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.openstack.testbed.processes import Processes
from tests.openstack.testbed.site import PASSWORD, Site

HERE = Path(__file__).resolve().parent
_RABBIT_CONF = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = testbed
default_pass = {password}
loopback_users = none
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
"""


class Services:
    """The control plane's processes of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.processes = Processes(site.run)
        self._etc = site.run / "etc"

    def start_mariadb(self) -> None:
        data = self.site.run / "mysql"
        # Nothing here outlives the run, so nothing is synced to the disk.
        options = {
            "user": "root",
            "datadir": data,
            "bind-address": "127.0.0.1",
            "port": self.site.port("mariadb"),
            "socket": data / "sock",
            "pid-file": data / "mariadb.pid",
            "max-connections": 800,
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-doublewrite": 0,
            "innodb-buffer-pool-size": "256M",
            "innodb-log-file-size": "32M",
            "performance-schema": "OFF",
            "character-set-server": "utf8mb4",
        }
        argv = ["/usr/sbin/mariadbd", "--no-defaults", "--skip-name-resolve", "--skip-log-bin"]
        argv += [f"--{name}={value}" for name, value in options.items()]
        self.processes.launch("mariadb", argv)

    def start_epmd(self) -> None:
        argv = ["/usr/bin/epmd", "-address", "127.0.0.1", "-port", self.site.port("epmd")]
        self.processes.launch("epmd", argv)

    def start_rabbit(self) -> None:
        """A node that shares nothing with another on this machine."""
        home = self.site.run / "rabbit"
        home.mkdir(parents=True, exist_ok=True)
        conf = _RABBIT_CONF.format(port=self.site.port("amqp"), password=PASSWORD)
        (home / "rabbitmq.conf").write_text(conf)
        (home / "enabled_plugins").write_text("[].\n")
        (home / "env.conf").write_text("")
        env = {
            "HOME": str(home),
            "RABBITMQ_NODENAME": "testbed@localhost",
            "RABBITMQ_CONF_ENV_FILE": str(home / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_DIST_PORT": str(self.site.port("erlang")),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none"
            ),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.site.port("epmd")),
        }
        argv = ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
        self.processes.launch("rabbit", argv, env=env, cwd=home)

    def start_stub(self) -> None:
        argv = [sys.executable, HERE / "stub.py", self.site.port("stub")]
        self.processes.launch("stub", argv)

    def start_keystone(self) -> None:
        conf = self._etc / "keystone" / "keystone.conf"
        self._serve("keystone", "keystone.wsgi.api", {"OS_KEYSTONE_CONFIG_FILES": str(conf)})

    def start_placement(self) -> None:
        env = {"OS_PLACEMENT_CONFIG_DIR": str(self._etc / "placement")}
        self._serve("placement", "placement.wsgi.api", env)

    def start_nova_api(self) -> None:
        paste = self.site.home / "venv" / "etc" / "nova" / "api-paste.ini"
        env = {"OS_NOVA_CONFIG_FILES": f"{paste};{self._nova_conf}"}
        self._serve("nova", "nova.wsgi.osapi_compute", env)

    def start_nova(self, name: str) -> None:
        """nova-conductor or nova-scheduler."""
        self.processes.launch(name, [self.site.bin / name, "--config-file", self._nova_conf])

    def start_compute(self, host: str) -> None:
        own = self._etc / "nova" / f"{host}.conf"
        files = ("--config-file", self._nova_conf, "--config-file", own)
        self.processes.launch(host, [self.site.bin / "nova-compute", *files])

    def start_cinder(self, name: str) -> None:
        """cinder-api, cinder-scheduler or cinder-volume."""
        conf = self._etc / "cinder" / "cinder.conf"
        self.processes.launch(name, [self.site.bin / name, "--config-file", conf])

    @property
    def _nova_conf(self) -> Path:
        return self._etc / "nova" / "nova.conf"

    def _serve(self, name: str, module: str, env: dict[str, str]) -> None:
        argv = [self.site.bin / "python", HERE / "serve.py", module, self.site.port(name)]
        self.processes.launch(name, argv, env=env)
