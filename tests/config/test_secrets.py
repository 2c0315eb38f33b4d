"""Secrets' files. B15, I-16: refused where others can read them, and told to nobody."""

from __future__ import annotations

import os
import pickle
import stat
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import SecretFile, conceal, remember
from doctor_daemon.ports.secrets import FOLDER, REDACTED, REMEMBERED_MAX, SIZE_MAX, check_private


def written(path: Path, content: str | bytes = "correct horse\n", mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def refusal(secret: SecretFile) -> str:
    with pytest.raises(ConfigError) as read:
        secret.read()
    with pytest.raises(ConfigError) as checked:
        secret.check()
    assert str(read.value) == str(checked.value)
    return str(read.value)


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    password_file: SecretFile


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("correct horse", "correct horse"),
        ("correct horse\n", "correct horse"),
        ("correct horse\r\n", "correct horse"),
        ("correct horse\n\n", "correct horse\n"),
        (" spaces stay ", " spaces stay "),
        ("größe-pässe", "größe-pässe"),
    ],
)
def test_one_newline_at_the_end_is_taken_off(tmp_path: Path, content: str, secret: str) -> None:
    assert SecretFile(written(tmp_path / "s", content)).read() == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o644, 0o666])
def test_b15_what_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "s", mode=mode)
    assert refusal(SecretFile(path)) == (
        f"{path}: the secret's mode is {mode:04o}: others can read or change it; "
        f"expected 0600: chmod 600 {path}"
    )


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_what_only_the_owner_may_touch_is_read(tmp_path: Path, mode: int) -> None:
    assert SecretFile(written(tmp_path / "s", mode=mode)).read() == "correct horse"


def test_e7_a_file_of_another_uid_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "s")
    found = list(path.stat())
    found[stat.ST_UID] = os.geteuid() + 1
    with pytest.raises(ConfigError) as caught:
        check_private(path, os.stat_result(found))
    assert f"{path}: the secret belongs to user {os.geteuid() + 1}; expected" in str(caught.value)
    assert f"chmod 600 {path}" in str(caught.value)
    found[stat.ST_UID] = 0
    check_private(path, os.stat_result(found))


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    path, link = written(tmp_path / "s", mode=0o644), tmp_path / "link"
    link.symlink_to(path)
    assert f"chmod 600 {path}" in refusal(SecretFile(link))
    path.chmod(0o600)
    assert SecretFile(link).read() == "correct horse"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, words in (
        ("none", "No such file or directory"),
        ("loop", "Too many levels of symbolic links"),
        ("folder", "Is a directory"),
        ("pipe", "a secret must be a regular file"),
    ):
        assert refusal(SecretFile(tmp_path / name)).endswith(words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has 0 characters; expected at least 4"),
        (b"\n", "has 0 characters; expected at least 4"),
        (b"abc\n", "has 3 characters; expected at least 4"),
        (b"\xff\xfe\xfd\xfc", "is not UTF-8 text"),
        (b"x" * (SIZE_MAX + 1), f"is longer than {SIZE_MAX} bytes"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = written(tmp_path / "s", content)
    assert refusal(SecretFile(path)) == f"{path}: the secret {words}"
    assert SecretFile(written(path, b"x" * SIZE_MAX)).read() == "x" * SIZE_MAX


def test_a_relative_name_is_looked_for_among_the_credentials_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, credentials = tmp_path / "etc", tmp_path / "credentials"
    folder.mkdir()
    credentials.mkdir()
    secret = SecretFile("bmc", folder)
    written(folder / "bmc", "from the folder")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert secret.path == folder / "bmc"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert secret.read() == "from the folder"
    written(credentials / "bmc", "from the credentials")
    assert secret.read() == "from the credentials"
    assert SecretFile(folder / "bmc").read() == "from the folder"
    monkeypatch.chdir(folder)
    assert SecretFile("other").path == folder / "other"


def test_the_service_manager_s_access_list_shows_as_the_group_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = written(tmp_path / "bmc", mode=0o440)
    assert SecretFile("bmc").read() == "correct horse"
    path.chmod(0o444)
    assert "mode is 0444" in refusal(SecretFile("bmc"))
    path.chmod(0o460)
    assert "mode is 0460" in refusal(SecretFile("bmc"))


def test_a_link_out_of_the_credentials_is_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    (credentials / "bmc").symlink_to(written(tmp_path / "elsewhere", mode=0o440))
    assert "mode is 0440" in refusal(SecretFile("bmc"))


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    secret = SecretFile(written(tmp_path / "s", "the first"))
    assert secret.read() == "the first"
    written(tmp_path / "s", "the second")
    assert secret.read() == "the second"


def test_i16_no_form_of_it_shows_more_than_the_name(tmp_path: Path) -> None:
    secret = SecretFile(written(tmp_path / "s", "swordfish-1"))
    secret.read()
    options = Options(password_file=secret)
    forms = (repr(secret), str(secret), f"{secret}", repr(options), options.model_dump_json())
    assert all("swordfish" not in form and str(tmp_path / "s") in form for form in forms)
    assert b"swordfish" not in pickle.dumps(secret.path)


def test_a_model_takes_a_name_and_the_folder_of_its_context(tmp_path: Path) -> None:
    text = '{"password_file": "bmc"}'
    options = Options.model_validate_json(text, context={FOLDER: tmp_path})
    assert options.password_file.path == tmp_path / "bmc"
    assert options.model_dump(mode="json") == {"password_file": "bmc"}
    assert options == Options(password_file=SecretFile("bmc", tmp_path))
    assert hash(options.password_file) == hash(SecretFile("bmc", tmp_path))
    assert options.password_file != "bmc"
    assert Options.model_validate({"password_file": Path("/x")}).password_file == SecretFile("/x")


@pytest.mark.parametrize("value", ["", 5, None, ["bmc"], "a\nb", "a\0b"])
def test_what_is_no_name_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="expected the name of a file that holds the secret"):
        Options.model_validate({"password_file": value})


def test_i16_a_secret_that_was_read_is_struck_out_in_every_spelling(tmp_path: Path) -> None:
    SecretFile(written(tmp_path / "s", 'pa"ss w\\ord/ü')).read()
    for spelling in ('pa"ss w\\ord/ü', "pa%22ss%20w%5Cord%2F%C3%BC", r"pa\"ss w\\ord/\u00fc"):
        assert conceal(f"before {spelling} after") == f"before {REDACTED} after"


def test_i16_the_lines_of_a_key_are_struck_out_one_by_one(tmp_path: Path) -> None:
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    SecretFile(written(tmp_path / "key", f"-----BEGIN-----\n{line}\nshort\n")).read()
    assert conceal(f"{line} and short") == f"{REDACTED} and short"


def test_a_longer_secret_is_struck_out_whole() -> None:
    remember("hunter")
    remember("hunter22")
    assert conceal("hunter22, hunter") == f"{REDACTED}, {REDACTED}"


def test_i16_a_text_that_was_let_through_is_struck_out_once_its_secret_is_known() -> None:
    text = "the password is rosebud-1"
    assert conceal(text) == text
    remember("rosebud-1")
    assert conceal(text) == f"the password is {REDACTED}"


def test_i16_long_texts_and_the_ends_of_texts_are_searched_too() -> None:
    remember("rosebud-2")
    assert conceal("rosebud-2") == REDACTED
    assert conceal(f"{'x' * 100_000}rosebud-2") == f"{'x' * 100_000}{REDACTED}"
    assert conceal(f"rosebud-2{'x' * 100_000}") == f"{REDACTED}{'x' * 100_000}"


def test_i16_secrets_that_begin_alike_are_each_struck_out() -> None:
    for nth in range(50):
        remember(f"alike-{nth:02}")
    remember("alike-07")
    assert conceal("alike-49 alike-07 alike-50") == f"{REDACTED} {REDACTED} alike-50"


def test_i20_the_oldest_of_too_many_secrets_is_forgotten_and_no_other() -> None:
    remember("the-oldest")
    for nth in range(REMEMBERED_MAX - 1):
        remember(f"{nth:05}-secret")
    remember("the-oldest")
    remember("one-more-secret")
    assert conceal("the-oldest one-more-secret") == f"{REDACTED} {REDACTED}"
    assert conceal("00000-secret 00001-secret") == f"00000-secret {REDACTED}"


def test_what_is_too_short_to_protect_anything_is_no_secret() -> None:
    remember("is")
    assert conceal("this is it") == "this is it"


def test_secrets_may_be_remembered_from_any_thread() -> None:
    def many(number: int) -> None:
        for nth in range(200):
            remember(f"secret-{number}-{nth}")

    threads = [threading.Thread(target=many, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert conceal("secret-3-199") == REDACTED
