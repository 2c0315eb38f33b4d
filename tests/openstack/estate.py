"""All that a scenario takes place in: cloud, hosts, BMCs, alerting, consumers."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path

from tests.openstack.alarms import Vnfm
from tests.openstack.alerting import Alerting
from tests.openstack.consumer import Consumer
from tests.openstack.guests import ForcedDown, read_record, strays, violations
from tests.openstack.hosts import Host
from tests.openstack.proxy import Passed, Proxy
from tests.openstack.rack import start_bmcs
from tests.openstack.testbed.calls import IMAGE, Cloud
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import HOSTS, Site
from tests.openstack.testbed.template import archive

OPERATOR_KEY = "whsec_b3BlcmF0b3Igb3BlcmF0b3Igb3BlcmF0b3I="
TENANT_KEY = "whsec_dGVuYW50IHRlbmFudCB0ZW5hbnQgdGVuYW50"


class Estate:
    """Started once for all tests; each leaves it as it found it, see ``restore``."""

    def __init__(self, site: Site) -> None:
        """Start what surrounds a control plane that is up. TimeoutError: something does not."""
        self.site = site
        self.admin = Cloud(site)
        self.tenant = Cloud(site, "tenant", "tenant")
        self.services = {host: row["id"] for host, row in self.admin.compute_services().items()}
        self.hosts = {name: Host(site, name) for name in HOSTS}
        self.bmcs = start_bmcs(site)
        for host in self.hosts.values():
            host.start_exporter()
        self.alerting = Alerting(site)
        self.alerting.start()
        self.alerting.await_targets()
        self._scenes = 0
        self._pids: dict[str, int | None] = {}
        self._began = time.monotonic()
        # In this process, so last: nothing may fail once they have begun.
        self.proxy = Proxy("127.0.0.1", site.port("nova"))
        self.operator = Consumer(OPERATOR_KEY)
        self.owner = Consumer(TENANT_KEY)
        self.vnfm = Vnfm()

    def close(self) -> None:
        for listener in (self.proxy, self.operator, self.owner, self.vnfm):
            listener.close()

    def scene_folder(self) -> Path:
        """A folder that no other scene uses, with a path short enough for a socket in it."""
        folder = self.site.run / f"scene-{self._scenes}"
        folder.mkdir(mode=0o700)
        return folder

    def boot(self, host: str, count: int, flavor: str = "tiny", group: str = "") -> list[str]:
        """Servers of the tenant that run on a host, named after their flavor. Their UUIDs."""
        server = {
            "name": flavor,
            "flavorRef": flavor,
            "imageRef": IMAGE,
            "networks": "none",
            "host": host,
            "min_count": count,
            "max_count": count,
            "return_reservation_id": True,
        }
        hints = {"os:scheduler_hints": {"group": group}} if group else {}
        asked = {"server": server} | hints
        made = self.tenant.compute("POST", "/servers", asked, version="2.74", expect=202)
        path = f"/servers/detail?reservation_id={made['reservation_id']}"

        def active() -> list[str]:
            rows = self.tenant.compute("GET", path, version="2.74")["servers"]
            lost = [row for row in rows if row["status"] == "ERROR"]
            assert not lost, f"not booted on {host}: {lost}"
            done = len(rows) == count and all(row["status"] == "ACTIVE" for row in rows)
            return [row["id"] for row in rows] if done else []

        return wait_for(f"{count} servers on {host}", active, 120)

    def crash(self, host: str) -> float:
        """The host's software dies, its guests run on. The moment, in monotonic seconds."""
        moment = time.monotonic()
        self.hosts[host].crash()
        return moment

    def host_status(self, server: str) -> str:
        """What the server's owner is shown of the host it is on."""
        row = self.tenant.compute("GET", f"/servers/{server}", version="2.16")["server"]
        return str(row["host_status"])

    def service(self, host: str) -> dict[str, object]:
        """Nova's row of the host's nova-compute."""
        return self.admin.compute_services()[host]

    def passed(self, method: str, path: str) -> list[Passed]:
        """Requests of this scene that came to the proxy, in order."""
        rows = self.proxy.passed(method, path)
        return [row for row in rows if row.asked.mono >= self._began]

    def forced_down(self) -> list[ForcedDown]:
        """What the daemon told Nova in this scene.

        A PUT counts from when it came, even if its answer was lost; one that was dropped does not.
        Before 2.53 it names the host.
        """
        names = {service: name for name, service in self.services.items()}
        rows = [
            (row.json.get("host") or names[_last(row)], row)
            for row in self.passed("PUT", "/os-services/")
            if row.forwarded
        ]

        def until(host: str, since: float) -> float:
            lifts = (row for name, row in rows if name == host and row.status == 200)
            again = (r.asked.mono for r in lifts if r.json.get("forced_down") is False)
            return min((mono for mono in again if mono > since), default=math.inf)

        return [
            ForcedDown(name, row.asked.mono, until(name, row.asked.mono))
            for name, row in rows
            if row.json.get("forced_down")
        ]

    def register(self, name: str) -> None:
        """Have a host in use again that Nova has forgotten: as another service, of the same name.

        nova-compute does not start on a host that has guests of before. Until the service of before
        is archived, Nova may show it to the servers of that host as if it were theirs.
        """
        archive(self.site)
        if not self.hosts[name].processes.pid(name):
            Services(self.site).start_compute(name)
        wait_for(f"{name} to be listed", lambda: self.admin.compute_services().get(name), 60)
        self.services[name] = str(self.service(name)["id"])
        self._await_heartbeat(name)
        asked = {"host": name, "binary": "nova-compute"}

        def mapped() -> bool:
            answer = self.admin.compute_answer("PUT", "/os-services/enable", asked)
            return answer.status == 200

        wait_for(f"{name} to be found in its cell", mapped, 60)
        for row in self.admin.compute("GET", "/os-aggregates")["aggregates"]:
            if row["availability_zone"] and name not in row["hosts"]:
                action = {"add_host": {"host": name}}
                self.admin.compute("POST", f"/os-aggregates/{row['id']}/action", action)

    def violations(self) -> list[str]:
        """What happened to the guests in this scene that must not have."""
        record = read_record(self.site.guests_record)
        path = "/servers/detail?all_tenants=1"
        rows = self.admin.compute("GET", path)["servers"]
        whereabouts = {row["id"]: row["OS-EXT-SRV-ATTR:host"] for row in rows}
        return violations(record, self.forced_down()) + strays(record, whereabouts)

    def restore(self) -> None:
        """Every host as at the start: powered, up, enabled, not forced down, empty, unalerted."""
        with self.alerting.nodding():
            self._renew()
            self.alerting.await_targets()
        self._begin_anew()

    def _renew(self) -> None:
        self.proxy.clear()
        for name in HOSTS:
            self.bmcs[name].set_fault("none")
            self.hosts[name].spawns()
        self._register_lost()
        broken = [name for name in HOSTS if self._is_broken(name)]
        self._take_down(broken)
        self._delete_servers()
        # A host that lives has let go of its servers' guests; what is left nobody else would stop.
        littered = [name for name in HOSTS if name not in broken and self.hosts[name].guests()]
        self._take_down(littered)
        worn = [*broken, *littered]
        for name in worn:
            self.hosts[name].wipe()
            self.bmcs[name].turn("On")
        for name in worn:
            self._return(name)
        for name in HOSTS:
            if name in worn or self._has_started(name):
                self._await_heartbeat(name)
            self._pids[name] = self.hosts[name].processes.pid(name)
        # Now that nova-compute hears of it: to the scheduler it is its word that counts.
        for name in HOSTS:
            if self.service(name)["status"] != "enabled":
                self.admin.mark(self.services[name], status="enabled")

    def _register_lost(self) -> None:
        known = self.admin.compute_services()
        for name in HOSTS:
            if name not in known:
                self.reinstall(name)
                self.register(name)

    def reinstall(self, name: str) -> None:
        """Have a host boot with nothing on its disks."""
        self.bmcs[name].turn("Off")
        self.hosts[name].wipe()
        self.bmcs[name].turn("On")
        wait_for(f"{name} to boot", partial(self.hosts[name].processes.pid, name), 30)

    def _has_started(self, name: str) -> bool:
        """Whether its nova-compute is another than at the last look."""
        return self.hosts[name].processes.pid(name) != self._pids.get(name)

    def _is_broken(self, name: str) -> bool:
        return bool(self.service(name)["forced_down"] or not self.hosts[name].alive())

    def _take_down(self, names: list[str]) -> None:
        for name in names:
            self.bmcs[name].turn("Off")
            # Nova then deletes the servers there by itself, and waits for no answer of the host.
            self.admin.mark(self.services[name], forced_down=True)

    def _return(self, name: str) -> None:
        path, fields = f"/os-services/{self.services[name]}", {"forced_down": False}

        def unset() -> bool:
            # Refused while nova-compute has still to clear up after an evacuation, at its start.
            return self.admin.compute_answer("PUT", path, fields, version="2.53").status == 200

        wait_for(f"forced_down of {name} to be unset", unset, 60)

    def _await_heartbeat(self, name: str) -> None:
        """A new one: the state may be up, and what moves this may be from before a crash.

        A server that is sent to a nova-compute which only starts is taken for one whose build
        was interrupted.
        """
        seen = self.service(name)["updated_at"]

        def beats() -> bool:
            row = self.service(name)
            return row["state"] == "up" and row["updated_at"] != seen

        wait_for(f"nova-compute of {name}", beats, 60)

    def _begin_anew(self) -> None:
        """No guest is left, so the next scene is judged by a record of its own."""
        for listener in (self.operator, self.owner, self.vnfm):
            listener.clear()
        self._began = time.monotonic()
        self._scenes += 1
        record = self.site.guests_record
        if record.exists():
            record.rename(record.with_suffix(f".{self._scenes}.jsonl"))

    def _delete_servers(self) -> None:
        path = "/servers?all_tenants=1"
        for row in self.admin.compute("GET", path)["servers"]:
            self.admin.compute("DELETE", f"/servers/{row['id']}", expect=204)
        wait_for("no server left", lambda: not self.admin.compute("GET", path)["servers"], 60)


def _last(row: Passed) -> str:
    """The last part of a path."""
    return row.asked.path.rpartition("/")[2]
