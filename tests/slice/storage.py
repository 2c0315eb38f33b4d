"""The block storage of a site, as operators name it in the configuration."""

from __future__ import annotations

from tests.slice.site import Site


def with_cinder(place: Site) -> None:
    """Name the lab's Cinder in the configuration, as the cloud itself is named there."""
    found = place.lab.describe()
    options = {"type": "cinder", "clouds_file": found["clouds"], "cloud": found["cloud"]}
    place.changes = {**place.changes, "storage": options}
