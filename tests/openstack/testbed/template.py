"""Databases and keys made once, so that every run starts from a copy.

Creating the schemas takes longer than all the rest of a start.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.catalogue import fill_catalogue
from tests.openstack.testbed.configuration import write_configuration
from tests.openstack.testbed.processes import environment, wait_for
from tests.openstack.testbed.services import HERE, Services
from tests.openstack.testbed.site import PASSWORD, Site, listening

_MADE_BY = ("constraints.txt", "template.py", "catalogue.py", "configuration.py", "site.py")
_DATABASES = ("nova_api", "nova_cell0", "nova_cell1", "placement", "keystone", "cinder")


def stamp() -> str:
    """Changes with whatever a template is made from."""
    return digest(*_MADE_BY)


def digest(*names: str) -> str:
    """SHA-256 over files beside this one."""
    parts = b"".join((HERE / name).read_bytes() for name in names)
    return hashlib.sha256(parts).hexdigest()


def make_template(home: Path) -> None:
    """Build ``home/template`` unless the one there is made from the same sources."""
    made = home / "template"
    if (made / "stamp").exists() and (made / "stamp").read_text() == stamp():
        return
    scratch = Site.choose(home)
    scratch = Site(home, home / "template.new", scratch.base)
    shutil.rmtree(scratch.run, ignore_errors=True)
    write_configuration(scratch)
    services = Services(scratch)
    try:
        _fill(services)
    finally:
        services.processes.end(services.processes.running(), patience_s=30)
    (scratch.run / "base").write_text(str(scratch.base))
    (scratch.run / "stamp").write_text(stamp())
    shutil.rmtree(made, ignore_errors=True)
    scratch.run.rename(made)


def copy_template(site: Site) -> None:
    """Fresh databases and keys for a run."""
    for part in ("mysql", "keys"):
        shutil.copytree(site.template / part, site.run / part)


def fit_endpoints(site: Site) -> None:
    """Move the catalogue from the ports the template was made on to those of this run."""
    made_on = Site(site.home, site.template, int((site.template / "base").read_text()))
    if made_on.base == site.base:
        return
    named = ("keystone", "placement", "nova", "stub", "cinder")
    ports = {made_on.port(name): site.port(name) for name in named}
    # By way of a spelling that no old address has, since old and new ports may overlap.
    for old, new in ports.items():
        _replace(site, f":{old}", f";{new}")
    _replace(site, ";", ":")


def _replace(site: Site, old: str, new: str) -> None:
    """In every endpoint's address; both texts are of our own making."""
    change = f"UPDATE endpoint SET url = REPLACE(url, '{old}', '{new}')"  # noqa: S608 - see above
    sql(site, "keystone", change)


def sql(site: Site, database: str, statement: str) -> list[str]:
    """Run a statement in a database of the site; the words of what it prints."""
    argv = ["/usr/bin/mariadb", "--no-defaults", "-utestbed", f"-p{PASSWORD}", "-h127.0.0.1"]
    argv += [f"-P{site.port('mariadb')}", "-BN", "-e", statement, database]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.split()


def keystone_answers(site: Site) -> bool:
    return listening(site.port("keystone")) and ask("GET", site.auth_url).status == 200


def _fill(services: Services) -> None:
    site = services.site
    data = site.run / "mysql"
    data.mkdir()
    install = ["/usr/bin/mariadb-install-db", "--no-defaults", "--user=root", "--skip-test-db"]
    install += ["--auth-root-authentication-method=normal", f"--datadir={data}"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, timeout=120)
    services.start_mariadb()
    wait_for("mariadb", lambda: (data / "sock").exists() and listening(site.port("mariadb")))
    _create_databases(data / "sock")
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_fill_nova, site), pool.submit(_fill_others, site)]:
            done.result()
    services.start_keystone()
    wait_for("keystone", lambda: keystone_answers(site))
    fill_catalogue(site)


def _create_databases(socket: Path) -> None:
    statements = [f"CREATE DATABASE {name} CHARACTER SET utf8mb3;" for name in _DATABASES]
    statements += [f"CREATE USER testbed@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"]
    statements += ["GRANT ALL ON *.* TO testbed@'127.0.0.1';"]
    argv = ["/usr/bin/mariadb", "--no-defaults", "-uroot", "-S", str(socket)]
    subprocess.run(argv, input="".join(statements), text=True, check=True, timeout=30)


def _manage(site: Site, program: str, conf: str, *words: str, well: Sequence[int] = (0,)) -> None:
    argv = [str(site.bin / program), "--config-file", str(site.run / "etc" / conf), *words]
    with (site.run / "log" / "template.log").open("ab") as log:
        env = environment()
        done = subprocess.run(argv, check=False, stdout=log, stderr=log, env=env, timeout=300)
    if done.returncode not in well:
        done.check_returncode()


def archive(site: Site) -> None:
    """Move what Nova has marked as deleted out of its tables, as its operators do now and then."""
    words = ("db", "archive_deleted_rows", "--all-cells", "--until-complete")
    _manage(site, "nova-manage", "nova/nova.conf", *words, well=(0, 1))  # 1: there were some


def _fill_nova(site: Site) -> None:
    # Braces are Nova's own: it fills them in from the configuration that reads the record.
    generic = "{scheme}://{username}:{password}@{hostname}:{port}/"
    conf = "nova/nova.conf"
    cell0 = ("map_cell0", "--database_connection", generic + "nova_cell0?{query}")
    cell1 = ["create_cell", "--name", "cell1", "--transport-url", generic]
    cell1 += ["--database_connection", generic + "nova_cell1?{query}"]
    _manage(site, "nova-manage", conf, "api_db", "sync")
    _manage(site, "nova-manage", conf, "cell_v2", *cell0)
    _manage(site, "nova-manage", conf, "cell_v2", *cell1)
    _manage(site, "nova-manage", conf, "db", "sync")


def _fill_others(site: Site) -> None:
    conf = "keystone/keystone.conf"
    owner = ("--keystone-user", "root", "--keystone-group", "root")
    for keys in ("fernet", "credential"):
        (site.run / "keys" / keys).mkdir(parents=True, mode=0o700)
        _manage(site, "keystone-manage", conf, f"{keys}_setup", *owner)
    _manage(site, "keystone-manage", conf, "db_sync")
    bootstrap = ("--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne")
    _manage(site, "keystone-manage", conf, "bootstrap", *bootstrap)
    _manage(site, "placement-manage", "placement/placement.conf", "db", "sync")
    _manage(site, "cinder-manage", "cinder/cinder.conf", "db", "sync")
