"""Users, projects, services and endpoints in Keystone: what a deployment tool would make."""

from __future__ import annotations

from tests.openstack.testbed.calls import Cloud
from tests.openstack.testbed.site import PASSWORD, Site

_SERVICE_USERS = ("nova", "placement", "glance", "neutron", "cinder")
_ENDPOINTS = (
    # service type, name, port, path
    ("identity", "keystone", "keystone", "/v3"),
    ("placement", "placement", "placement", ""),
    ("compute", "nova", "nova", "/v2.1"),
    ("image", "glance", "stub", "/image"),
    ("network", "neutron", "stub", "/network"),
    ("block-storage", "cinder", "cinder", "/v3/$(project_id)s"),
)
_CLOUD = """\
  {name}:
    auth:
      auth_url: {auth_url}
      username: {name}
      password: {password}
      project_name: {project}
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
"""


def fill_catalogue(site: Site) -> None:
    """Once, into an empty and bootstrapped Keystone."""
    admin = Cloud(site)
    roles = {row["name"]: row["id"] for row in admin.identity("GET", "/roles")["roles"]}

    def make(kind: str, **body: object) -> str:
        made = admin.identity("POST", f"/{kind}s", {kind: body}, expect=201)
        return str(made[kind]["id"])

    def make_user(name: str, project: str, *granted: str) -> None:
        user = make("user", name=name, password=PASSWORD, domain_id="default")
        for role in granted:
            path = f"/projects/{project}/users/{user}/roles/{roles[role]}"
            admin.identity("PUT", path, expect=204)

    service_project = make("project", name="service", domain_id="default")
    tenant_project = make("project", name="tenant", domain_id="default")
    for name in _SERVICE_USERS:
        make_user(name, service_project, "admin", "service")
    make_user("tenant", tenant_project, "member")
    for kind, name, port, path in _ENDPOINTS:
        service = make("service", type=kind, name=name)
        place = {"region_id": "RegionOne", "service_id": service, "url": site.url(port, path)}
        for interface in ("public", "internal", "admin"):
            make("endpoint", interface=interface, **place)


def write_clouds(site: Site) -> None:
    """``clouds.yaml`` with the clouds ``admin`` and ``tenant``, readable by its owner alone."""
    path = site.run / "clouds.yaml"
    path.touch(mode=0o600)
    entries = [
        _CLOUD.format(name=name, auth_url=site.auth_url, password=PASSWORD, project=name)
        for name in ("admin", "tenant")
    ]
    path.write_text("clouds:\n" + "".join(entries))
