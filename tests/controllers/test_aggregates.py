"""What is written on the aggregates of a host: all of it, or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.aggregates import of_host, read_aggregates, texts
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.rows import Aggregate
from tests.controllers.rigs import HOST, OTHER, SMALL, calls, nova, rule

PATH = "*/os-aggregates"
ROW: Mapping[str, object] = {"id": 7, "hosts": ["cmp-1"], "metadata": {"evacuable": "true"}}


def _body(*rows: object) -> bytes:
    return json.dumps({"aggregates": rows}).encode()


async def test_the_metadata_of_each_aggregate_that_a_host_is_in() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        zones = [host.service.zone for host in lab.world.hosts.values()]
        tagged = Aggregate("tagged", ["compute-1"], {"evacuable": "true"})
        lab.world.aggregates.append(tagged)
        assert await adapter.aggregates(HOST) == [
            {"availability_zone": zones[0]},
            {"evacuable": "true"},
        ]
        assert await adapter.aggregates(OTHER) == [{"availability_zone": zones[1]}]
        assert calls(adapter).seen[-1] == ("aggregates", "ok")


async def test_a_host_of_another_cloud_is_never_looked_up_by_its_name() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        with pytest.raises(Permanent, match="is not of the cloud"):
            await adapter.aggregates(HostId("west", "compute-1"))


def test_names_match_exactly() -> None:
    rows = read_aggregates(_body(ROW, {**ROW, "hosts": ["CMP-1", "cmp-10", None]}))
    assert of_host(rows, "cmp-1") == [{"evacuable": "true"}]
    assert of_host(rows, "cmp-10") == [{"evacuable": "true"}]
    assert of_host(rows, "cmp") == []
    assert of_host(read_aggregates(_body()), "cmp-1") == []


@pytest.mark.parametrize(
    "row",
    [
        {"id": 7, "hosts": ["cmp-1"]},
        {"id": 7, "metadata": {}},
        {**ROW, "hosts": None},
        {**ROW, "hosts": "cmp-1"},
        {**ROW, "metadata": None},
        {**ROW, "metadata": []},
    ],
)
def test_an_aggregate_that_shows_no_hosts_or_no_metadata_is_an_error(row: object) -> None:
    with pytest.raises(Permanent, match="aggregate 7 shows no hosts, or no metadata"):
        read_aggregates(_body(ROW, row))


def test_only_texts_are_read() -> None:
    assert texts({"a": "b", "n": 1, "x": None}) == {"a": "b"}
    assert texts(None) == texts(["a"]) == {}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rule(Do.STATUS, PATH, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=500, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=429, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=400, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=403, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=404, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=409, times=None), Permanent),
        (rule(Do.LOST_REPLY, PATH, times=None), Temporary),
        (rule(Do.TIMEOUT_BEFORE, PATH, times=None), Temporary),
        (rule(Do.GARBAGE, PATH, times=None), Temporary),
    ],
    ids=lambda value: f"{value.do}-{value.status}" if isinstance(value, Rule) else "",
)
async def test_whatever_fails_is_an_error_and_never_no_aggregates(
    fault: Rule, error: type[Exception]
) -> None:
    async with Lab(SMALL) as lab, nova(lab, read_timeout_s=0.5) as adapter:
        await adapter.look(HOST)
        lab.faults.add(fault)
        with pytest.raises(error):
            await adapter.aggregates(HOST)


async def test_trap_25_a_member_may_not_see_them() -> None:
    async with Lab(SMALL) as lab, nova(lab, cloud="project-1") as adapter:
        with pytest.raises(Permanent, match="os-aggregates:index"):
            await adapter.aggregates(HOST)


async def test_one_failure_is_tried_again() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(Do.STATUS, PATH))
        assert len(await adapter.aggregates(HOST)) == 1
