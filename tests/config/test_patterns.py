"""Names by pattern, and templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.config.patterns import HOSTS_MAX, Named, expand, fill


def test_a_pattern_keeps_the_width_of_its_numbers() -> None:
    assert [named.host for named in expand("cmp-[008-010]")] == ["cmp-008", "cmp-009", "cmp-010"]
    assert [named.host for named in expand("cmp-[8-10].x")] == ["cmp-8.x", "cmp-9.x", "cmp-10.x"]


def test_a_number_is_kept_as_it_is_written() -> None:
    assert list(expand("c[09,1]")) == [Named("c09", "09"), Named("c1", "1")]
    assert list(expand("plain")) == [Named("plain", "")]


def test_five_hundred_hosts_are_one_pattern() -> None:
    names = [named.host for named in expand("cmp-[001-500]")]
    assert (len(names), names[0], names[-1]) == (500, "cmp-001", "cmp-500")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("c[3-1]", "expected 3-1 to ascend"),
        ("c[01-100]", "expected both ends of 01-100 in the same width"),
        ("c[1-2]x[1-2]", "one pair of brackets"),
        ("c[]", "expected a range as 001-500"),
        ("c[a-b]", "expected a range as 001-500"),
        ("c[-1]", "expected a range as 001-500"),
        ("c[1-]", "expected a range as 001-500"),
        ("c[1-9", "expected a host's name"),
        ("*", "expected a host's name"),
        ("", "expected a host's name"),
        ("a b", "expected a host's name"),
        ("a\n", "expected a host's name"),
        ("cmp-[1-3]/x", "expected a host's name"),
        ("x" * 256, "expected a host's name"),
        (f"c[0-{HOSTS_MAX}]", f"at most {HOSTS_MAX} hosts"),
        ("c[0-999999999]", f"at most {HOSTS_MAX} hosts"),
        ("c[1-9999999999]", "expected a range"),
    ],
)
def test_a_pattern_that_is_none_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        list(expand(pattern))
    assert words in str(caught.value)


@given(st.integers(0, 9999), st.integers(0, 50), st.integers(0, 6))
def test_every_number_of_a_range_is_there_once(first: int, count: int, width: int) -> None:
    width = max(width, len(str(first + count)))
    pattern = f"h[{first:0{width}}-{first + count:0{width}}]"
    named = list(expand(pattern))
    assert [int(one.number) for one in named] == list(range(first, first + count + 1))
    assert len({one.host for one in named}) == count + 1


def test_a_template_is_filled() -> None:
    variables = {"host": "cmp-07", "n": "07", "uuid": "6f1d"}
    assert (
        fill("https://bmc-{n}.x/{uuid}?{{{host}}}", variables) == "https://bmc-07.x/6f1d?{cmp-07}"
    )
    assert fill("nothing", variables) == "nothing"


def test_what_is_filled_in_is_no_template_itself() -> None:
    assert fill("{a}", {"a": "{b}", "b": "no"}) == "{b}"


@pytest.mark.parametrize("template", ["{x}", "{}", "{", "}", "{host.upper}", "{ host }", "{{}"])
def test_a_variable_that_is_unknown_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"stands for nothing; expected one of \{host\}, \{n\}"):
        fill(template, {"host": "a", "n": "1"})
