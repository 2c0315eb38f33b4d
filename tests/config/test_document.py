"""YAML as the configuration reads it: without the parts that surprise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from doctor_daemon.config.document import DEPTH_MAX, LOADER, SIZE_MAX, limited, read_document
from doctor_daemon.config.problems import Problems
from doctor_daemon.errors import ConfigError

LOADERS = pytest.mark.parametrize("loader", [LOADER, limited(yaml.SafeLoader)], ids=["c", "python"])


def values(folder: Path, text: str, loader: type[Any] = LOADER) -> dict[str, Any]:
    problems, file = Problems(), folder / "some.yaml"
    file.write_text(text)
    document = read_document(file, problems, loader)
    problems.raise_any()
    assert document is not None
    return document.value


def refusal(folder: Path, content: str | bytes, loader: type[Any] = LOADER) -> str:
    problems, file = Problems(), folder / "some.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    read_document(file, problems, loader)
    with pytest.raises(ConfigError) as caught:
        problems.raise_any()
    return str(caught.value).replace(f"{folder}/", "")


@LOADERS
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("~", None),
        ("", None),
        ("null", None),
        ("7", 7),
        ("-7", -7),
        ("007", "007"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("00:11:22:33:44:55", "00:11:22:33:44:55"),
        ("1.5", 1.5),
        ("1e5", "1e5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-11-21", "2026-11-21"),
        ("'7'", "7"),
        ("'true'", "true"),
        ("''", ""),
        ("<<", "<<"),
    ],
)
def test_plain_words_mean_what_they_look_like(
    tmp_path: Path, loader: type[Any], written: str, meant: object
) -> None:
    found = values(tmp_path, f"a: {written}\n", loader)["a"]
    assert (found, type(found)) == (meant, type(meant))


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert values(tmp_path, "a:\nb: ~\n") == {"a": None, "b": None}


@LOADERS
def test_every_key_that_stands_twice_is_named(tmp_path: Path, loader: type[Any]) -> None:
    text = refusal(tmp_path, "a: 1\nb:\n  - {c: 1, c: 2}\na: 2\n", loader)
    assert text.splitlines() == [
        "some.yaml:3: b[0].c: this key stands twice, first in line 3",
        "some.yaml:4: a: this key stands twice, first in line 1",
    ]


@LOADERS
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "1: this is not valid YAML: anchors and aliases are not supported"),
        ("a: *x\n", "1: this is not valid YAML: anchors and aliases are not supported"),
        ("a: !!binary aGk=\n", "1: a: the tag 'tag:yaml.org,2002:binary' is not supported"),
        ("a: 1\nb: !foo x\n", "2: b: the tag '!foo' is not supported"),
        ("a: !!int x\n", "1: a: found 'x'; it is not what its tag says"),
        ("a: !!python/object:os.system x\n", "os.system' is not supported"),
        ("? [1]\n: 2\n", "1: a key must be text"),
        ("- 1\n", "1: expected a mapping of options"),
        ("", "1: expected a mapping of options"),
        ("a: 1\n---\nb: 1\n", "2: this is not valid YAML"),
        ("a: [1\nb: 2\n", "2: this is not valid YAML"),
        (f"a: {'[' * DEPTH_MAX}{']' * DEPTH_MAX}\n", f"more than {DEPTH_MAX} levels deep"),
    ],
)
def test_the_rest_of_yaml_is_refused(
    tmp_path: Path, loader: type[Any], text: str, words: str
) -> None:
    assert words in refusal(tmp_path, text, loader)


def test_a_billion_laughs_are_not_heard(tmp_path: Path) -> None:
    laughs = "".join(f"l{i + 1}: &l{i + 1} [{', '.join([f'*l{i}'] * 9)}]\n" for i in range(9))
    assert "anchors" in refusal(tmp_path, f"l0: &l0 ha\n{laughs}")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a: \xff\n") == "some.yaml:1: byte 3 is not UTF-8 text"
    assert "control characters are not allowed" in refusal(tmp_path, b"a: \x01\n")


def test_a_file_may_not_be_endless(tmp_path: Path) -> None:
    text = refusal(tmp_path, b"#" * (SIZE_MAX + 1))
    assert text == f"some.yaml:1: the file is longer than {SIZE_MAX} bytes"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    problems = Problems()
    assert read_document(tmp_path / "none.yaml", problems) is None
    with pytest.raises(ConfigError, match=r"none\.yaml:1: .*No such file or directory"):
        problems.raise_any()


def test_the_line_of_a_part_is_its_keys(tmp_path: Path) -> None:
    problems, file = Problems(), tmp_path / "some.yaml"
    file.write_text("a:\n  b:\n    - 1\n    - c:\n        d\n")
    document = read_document(file, problems)
    assert document is not None
    lines = {loc: document.line(loc) for loc in [("a",), ("a", "b"), ("a", "b", 1, "c")]}
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "b", 1, "c"): 4}
    assert document.line(("a", "b", 1, "missing")) == 4
    assert document.line(("elsewhere",)) == 1
