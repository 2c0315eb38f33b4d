"""Debian's RabbitMQ for a run of tests: a node of its own, on loopback, with users and rights."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aio_pika import ExchangeType, Message, connect
from aio_pika.abc import AbstractChannel, AbstractExchange

from tests.fakes.tls import Tls
from tests.openstack.testbed.processes import Processes, wait_for
from tests.slice.site import free_port

PASSWORD = "as-long-as-a-secret-has-to-be"
NOVA, DOCTOR = "nova", "doctor"
RIGHTS = {
    NOVA: {"configure": ".*", "write": ".*", "read": ".*"},
    DOCTOR: {
        "configure": "^doctor-daemon\\.",
        "write": "^doctor-daemon\\.",
        "read": "^(nova|doctor-daemon\\..*)$",
    },
}
"""What docs/openstack.md grants the daemon, and Nova's own."""
_CONF = """\
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.cacertfile = {tls}/ca.pem
ssl_options.certfile = {tls}/server.pem
ssl_options.keyfile = {tls}/server.key
load_definitions = {home}/definitions.json
loopback_users = none
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 10MB
log.console = true
log.console.level = warning
log.file = false
"""


def _hashed(password: str) -> str:
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _definitions() -> str:
    users = [
        {
            "name": name,
            "password_hash": _hashed(PASSWORD),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
        }
        for name in RIGHTS
    ]
    rights = [{"user": name, "vhost": "/", **these} for name, these in RIGHTS.items()]
    return json.dumps({"users": users, "vhosts": [{"name": "/"}], "permissions": rights})


@dataclass
class RabbitMq:
    """A running broker."""

    home: Path
    ca_file: Path
    port: int
    tls_port: int
    env: dict[str, str]
    processes: Processes

    def start(self) -> None:
        argv = ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
        self.processes.launch("rabbit", argv, env=self.env, cwd=self.home)
        wait_for("RabbitMQ", lambda: _answers(self.tls_port), 60)

    def stop(self) -> None:
        self.processes.end(["rabbit"], patience_s=0.0)

    def ctl(self, *words: str) -> str:
        """Have rabbitmqctl answer."""
        done = subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--quiet", *words],
            env={**self.env, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    @asynccontextmanager
    async def as_nova(self) -> AsyncIterator[AbstractChannel]:
        """Log in as Nova does."""
        connection = await connect(
            host="127.0.0.1", port=self.port, login=NOVA, password=PASSWORD, timeout=20
        )
        async with connection, connection.channel() as channel:
            yield channel


async def exchange(channel: AbstractChannel) -> AbstractExchange:
    """Declare what Nova's oslo.messaging declares."""
    return await channel.declare_exchange("nova", ExchangeType.TOPIC, durable=False)


async def notify(there: AbstractExchange, body: bytes, priority: str = "info") -> None:
    """Send a notification as Nova does."""
    await there.publish(Message(body), f"versioned_notifications.{priority}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[RabbitMq]:
    home, folder = tmp_path_factory.mktemp("rabbitmq"), tls[0].parent
    port, tls_port, epmd, erlang = (free_port() for _ in range(4))
    (home / "definitions.json").write_text(_definitions())
    (home / "rabbitmq.conf").write_text(
        _CONF.format(port=port, tls_port=tls_port, tls=folder, home=home)
    )
    (home / "enabled_plugins").write_text("[].\n")
    (home / "env.conf").write_text("")
    env = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": "notified@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(home / "env.conf"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_DIST_PORT": str(erlang),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none"
        ),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd),
    }
    broker = RabbitMq(home, tls[0], port, tls_port, env, Processes(home))
    try:
        broker.processes.launch("epmd", ["/usr/bin/epmd", "-address", "127.0.0.1", "-port", epmd])
        wait_for("epmd", lambda: _answers(epmd), 20)
        broker.start()
        yield broker
    finally:
        broker.processes.end(["rabbit", "epmd"], patience_s=2.0)
