"""What is called flat: only what has not grown since retention bites."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.flatness import BOUNDS, LEAST, bitten, growths, verdict
from benchmarks.picture import PANELS, drawn
from benchmarks.samples import Sample

ONE = Sample(
    pieces=1000,
    at_s=10.0,
    rate_per_s=100.0,
    rss_kib=100_000,
    threads=5,
    files=30,
    tasks=60,
    stored_bytes=64 * 1024 * 1024,
    incidents=1000,
    notices=5000,
    evidence_keys=100_000,
    entries=4000,
    audit=10,
    ended=2000,
    lag_max_s=0.01,
    commit_s=0.002,
    bitten=True,
)


def series(what: str, step: float, count: int = 60, young: int = 20) -> Sequence[Sample]:
    """Return a series in which one number grows by a step each time; `young`: before the bite."""
    return [
        replace(
            ONE,
            pieces=1000 * (number + 1),
            bitten=number >= young,
            **{what: getattr(ONE, what) + step * number},
        )
        for number in range(count)
    ]


def test_what_does_not_grow_is_flat() -> None:
    assert verdict(growths(series("files", 0))) == "met"


@pytest.mark.parametrize("what", BOUNDS)
def test_what_grows_is_not_flat_whatever_it_is(what: str) -> None:
    step = getattr(ONE, what) * 0.05
    found = growths(series(what, step))
    assert [one.what for one in found if not one.flat] == [what]
    assert verdict(found) == f"not met: {what} has grown"


@pytest.mark.parametrize("what", BOUNDS)
def test_what_becomes_less_is_flat(what: str) -> None:
    assert verdict(growths(series(what, getattr(ONE, what) * -0.01))) == "met"


def test_a_saw_is_flat() -> None:
    audited = enumerate(series("audit", 1))
    teeth = [replace(one, rss_kib=100_000 + 9000 * (n % 3)) for n, one in audited]
    assert verdict(growths(teeth)) == "met"


def test_what_grows_until_retention_bites_counts_for_nothing() -> None:
    young = [replace(one, bitten=False) for one in series("rss_kib", 5000, count=40)]
    old = [replace(young[-1], bitten=True, pieces=41_000 + n) for n in range(LEAST)]
    assert bitten([*young, *old]) == old
    assert verdict(growths([*young, *old])) == "met"


@pytest.mark.parametrize("count", [0, LEAST - 1])
def test_of_too_little_nothing_is_known(count: int) -> None:
    found = growths(series("files", 0, count=20 + count))
    assert found == []
    assert verdict(found).startswith("not known")


def test_the_third_before_is_compared_and_not_the_first() -> None:
    found = growths(series("files", 1, count=29, young=20 - 10))  # 19 samples: 7, 6 and 6
    [files] = [one for one in found if one.what == "files"]
    assert (files.before, files.after) == (30 + 19.5, 30 + 25.5)


def test_a_picture_has_each_number_at_each_sample() -> None:
    samples = series("rss_kib", 10)
    root = ET.fromstring(drawn(samples, 21_000, "a <title>"))  # noqa: S314 - our own words
    lines = [one for one in root.iter() if one.tag.endswith("polyline")]
    assert len(lines) == len(PANELS)
    assert all(len(one.attrib["points"].split()) == len(samples) for one in lines)
    texts = [one.text for one in root.iter() if one.tag.endswith("text")]
    assert "from here on the oldest of everything is dropped" in texts
    assert "60,000 pieces of evidence" in texts
