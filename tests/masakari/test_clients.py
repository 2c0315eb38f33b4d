"""Masakari's own monitor and openstacksdk speak to the daemon as they speak to Masakari."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.phases import Phase
from tests.engine.rig import HOST, OTHER, incident_of
from tests.masakari.conftest import Stage


def create(stage: Stage, **more: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - JSON
    """Return a call that creates a notification, generated now by the bench's clock."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    at = epoch + timedelta(seconds=stage.rig.clock.now().wall_s)
    said = {
        "type": "COMPUTE_HOST",
        "hostname": "cmp-1",
        "generated_time": at.replace(tzinfo=None).isoformat(),
        "payload": {"event": "STOPPED", "cluster_status": "OFFLINE", "host_status": "NORMAL"},
    }
    return "create_notification", {**said, **more}


async def test_the_host_monitor_reports_a_host_that_went_offline(stage: Stage) -> None:
    log = await stage.monitor("cmp-1", "offline")
    assert "Response: openstack.instance_ha.v1.notification.Notification(" in log
    assert "status=new" in log
    incident = incident_of(stage.engine)
    assert (incident.phase, incident.proof) == (Phase.SUSPECTED, None)
    (word,) = incident.words.values()
    assert (word.verdict, word.source, word.kind) == (Verdict.DOWN, "masakari", "cluster")
    assert "host_status NORMAL" in word.summary


async def test_the_host_monitor_takes_a_conflict_and_a_bad_request_for_final(stage: Stage) -> None:
    await stage.monitor("cmp-1", "offline")
    again = await stage.monitor("cmp-1", "offline")
    assert "is duplicate" in again
    assert "Retry sending" not in again
    unknown = await stage.monitor("cmp-9", "offline")
    assert "is no configured host" in unknown
    assert "Retry sending" not in unknown


async def test_the_host_monitor_reports_a_host_that_is_online_again(stage: Stage) -> None:
    await stage.monitor("cmp-1", "offline")
    assert "status=new" in await stage.monitor("cmp-1", "online")
    assert HOST not in stage.engine.desk.cases or incident_of(stage.engine).phase.final


async def test_e1_a_tenant_of_the_cloud_accuses_nobody(stage: Stage) -> None:
    (tenant, *_) = stage.lab.members.values()
    log = await stage.monitor("cmp-1", "offline", tenant)
    assert "you may not speak for this source" in log
    assert stage.engine.desk.cases == {}
    (refused,) = await stage.sdk(("notifications", {}), user=tenant)
    assert refused["status"] == 403


async def test_openstacksdk_creates_lists_and_finds_notifications(stage: Stage) -> None:
    process = {"process_name": "libvirtd", "event": "stopped"}
    made = await stage.sdk(
        create(stage),
        create(stage, hostname="cmp-2"),
        create(stage, type="PROCESS", payload=process),
    )
    assert [one["status"] for one in made] == ["new", "new", "new"]
    assert {HOST, OTHER} == set(stage.engine.desk.cases)
    uuids = [one["notification_uuid"] for one in made]
    listed, paged, ignored, one, moves, nobody = await stage.sdk(
        ("notifications", {}),
        ("notifications", {"limit": 1}),
        ("notifications", {"type": "PROCESS", "status": "ignored"}),
        ("get_notification", {"notification": uuids[0]}),
        ("vmoves", {"notification": uuids[0]}),
        ("get_notification", {"notification": "nobody"}),
    )
    assert [found["notification_uuid"] for found in listed] == uuids[::-1]
    assert [found["notification_uuid"] for found in paged] == uuids[::-1]
    assert [found["payload"]["process_name"] for found in ignored] == ["libvirtd"]
    assert (one["status"], one["payload"]["event"]) == ("new", "STOPPED")
    assert moves == []
    assert nobody["status"] == 404
    assert "there is no notification" in nobody["details"]


async def test_openstacksdk_reads_segments_and_hosts_and_changes_none(stage: Stage) -> None:
    ((segment,),) = await stage.sdk(("segments", {}))
    assert (segment["name"], segment["is_enabled"]) == ("default", True)
    id_ = segment["uuid"]
    one, hosts, made = await stage.sdk(
        ("get_segment", {"segment": id_}),
        ("hosts", {"segment_id": id_}),
        ("create_segment", {"name": "more", "recovery_method": "auto", "service_type": "COMPUTE"}),
    )
    assert one["uuid"] == id_
    assert [host["name"] for host in hosts] == ["cmp-1", "cmp-2"]
    assert [host["on_maintenance"] for host in hosts] == [False, False]
    assert made["status"] == 405
