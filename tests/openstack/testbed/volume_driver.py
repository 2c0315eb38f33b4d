"""A back end that can be failed over: Cinder's fake driver, with what replication asks of one.

The installer copies this file into Cinder as ``cinder.volume.drivers.testbed``. A back end is
replicated if its section of cinder.conf has a ``replication_device``. No volume is ever made.
"""
# mypy: ignore-errors
# Cinder is installed in the testbed's environment, not in the project's own.

from cinder import exception
from cinder.tests import fake_driver


class ReplicatedDriver(fake_driver.FakeLoggingVolumeDriver):
    """The fake driver that reports its replication targets, and switches between them at once."""

    def _update_volume_stats(self) -> None:
        super()._update_volume_stats()
        told = {"replication_enabled": bool(self._known()), "replication_targets": self._known()}
        self._stats["volume_backend_name"] = self.configuration.safe_get("volume_backend_name")
        self._stats.update(told)
        self._stats["pools"][0].update(told, reserved_percentage=0)

    def failover_host(
        self,
        context: object,
        volumes: object,
        secondary_id: str | None = None,
        groups: object = None,
    ) -> tuple[str, list[object], list[object]]:
        known = self._known()
        to = secondary_id or next(iter(known), None)
        if to not in (*known, "default"):
            raise exception.InvalidReplicationTarget(reason=f"no such target: {to}")
        return to, [], []

    def freeze_backend(self, context: object) -> bool:
        return True

    def thaw_backend(self, context: object) -> bool:
        return True

    def _known(self) -> list[str]:
        devices = self.configuration.safe_get("replication_device") or []
        return [device["backend_id"] for device in devices]
