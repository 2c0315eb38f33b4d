"""Start and end of a whole control plane."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.openstack.testbed.calls import Cloud, ask
from tests.openstack.testbed.catalogue import write_clouds
from tests.openstack.testbed.configuration import write_configuration
from tests.openstack.testbed.processes import Processes, wait_for
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import HOSTS, Site, listening
from tests.openstack.testbed.template import copy_template, fit_endpoints, keystone_answers, sql

Say = Callable[[str], None]


def up(home: Path, say: Say) -> Site:
    """Start everything from fresh databases; ends what an earlier run may have left first.

    Raises TimeoutError, naming what did not come up; call ``down`` then, too.
    """
    down(home)
    shutil.rmtree(home / "run", ignore_errors=True)
    site = Site.choose(home)
    site.save()
    copy_template(site)
    write_configuration(site)
    write_clouds(site)
    services = Services(site)
    _start_foundation(services)
    say("MariaDB and RabbitMQ answer")
    _start_control(services)
    say("Keystone, Placement and nova-conductor are there")
    for host in HOSTS:
        services.start_compute(host)
    _await_hosts(site, say)
    return site


def down(home: Path) -> None:
    """End every process that a run under this home has started. Safe to repeat."""
    processes = Processes(home / "run")
    foundation = {"mariadb", "rabbit", "epmd"}
    processes.end(set(processes.running()) - foundation, patience_s=4)
    processes.end(["mariadb", "rabbit"], patience_s=20)
    processes.end(["epmd"])


def _start_foundation(services: Services) -> None:
    site = services.site
    services.start_mariadb()
    services.start_epmd()
    services.start_stub()
    wait_for("epmd", lambda: listening(site.port("epmd")))
    services.start_rabbit()
    wait_for("mariadb", lambda: listening(site.port("mariadb")))
    fit_endpoints(site)
    services.start_keystone()
    services.start_placement()
    wait_for("rabbitmq", lambda: listening(site.port("amqp")))


def _start_control(services: Services) -> None:
    site = services.site
    services.start_nova("nova-conductor")
    services.start_nova("nova-scheduler")
    services.start_nova_api()
    wait_for("keystone", lambda: keystone_answers(site))
    wait_for("placement", lambda: listening(site.port("placement")))
    registered = "select `binary` from services"
    # A nova-compute that finds no conductor waits and tries again at length.
    wait_for("nova-conductor", lambda: "nova-conductor" in sql(site, "nova_cell1", registered))


def _await_hosts(site: Site, say: Say) -> None:
    wait_for("nova-api", lambda: listening(site.port("nova")))
    wait_for("nova-api", lambda: ask("GET", site.url("nova", "/")).status in (200, 300))
    admin = Cloud(site)
    say("Nova answers")
    wanted = set(HOSTS)
    wait_for("all hosts up", lambda: wanted <= _hosts_up(admin))
    # A host has room for one huge server, and for hundreds of tiny ones beside it.
    for name, ram_mib in (("tiny", 64), ("huge", 600_000)):
        flavor = {"name": name, "id": name, "vcpus": 1, "ram": ram_mib, "disk": 1}
        admin.compute("POST", "/flavors", {"flavor": flavor})
    wait_for("schedulable hosts", lambda: wanted <= _hypervisors(admin))
    say(f"{len(wanted)} hosts are up")


def _hosts_up(admin: Cloud) -> set[str]:
    return {host for host, row in admin.compute_services().items() if row["state"] == "up"}


def _hypervisors(admin: Cloud) -> set[str]:
    """Hosts that Nova has mapped to the cell; before that a server cannot be sent to them."""
    answer = admin.compute_answer("GET", "/os-hypervisors")
    rows = answer.json["hypervisors"] if answer.status == 200 else []
    return {row["hypervisor_hostname"] for row in rows}
