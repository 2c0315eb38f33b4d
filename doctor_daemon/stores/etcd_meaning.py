"""What an answer of etcd's JSON gateway means.

The codes of errors are gRPC's: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import ClientConnectorError, ClientError, ClientPayloadError

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.secrets import conceal
from doctor_daemon.stores.etcd_json import NUMBER_MAX, Json, is_number

SAID_MAX = 300
WORDS_MAX = 64 * 1024
"""Characters of a complaint, or of an answer that is no JSON, of which the beginning is told."""
INVALID, DENIED, TAKEN, PRECONDITION, RANGE, NOBODY = 3, 7, 6, 9, 11, 16
_LASTING = {INVALID, DENIED, TAKEN, PRECONDITION, 12}
"""Codes after which asking again is no use: 12 is unimplemented."""
_TOKEN = ("invalid auth token", "revision of auth store is old", "user name is empty")
"""What etcd says of a token that has run out, is of before a change of rights, or is missing."""


class Unanswered(Temporary):
    """Nobody has answered as wished. `sent`: somebody may have done what was asked for."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


class Compacted(Temporary):
    """The revision that was asked for is not kept any more."""


class TooLong(Temporary):
    """The answer is longer than ANSWER_MAX; less is to be asked for at once."""


class Expired(Exception):
    """The token counts no more."""


@contextmanager
def sorted_out(timeout_s: float) -> Iterator[None]:
    """Have what HTTP makes of a call that came to nothing say whether it may have been done."""
    try:
        yield
    except TimeoutError:
        raise Unanswered(f"no answer within {timeout_s:g} s", sent=True) from None
    except ClientConnectorError as error:
        raise Unanswered(f"no connection: {error}", sent=False) from None
    except ClientPayloadError as error:
        if "longer" in str(error):
            raise TooLong(f"etcd: {error}") from None
        raise Unanswered("the answer was cut off", sent=True) from None
    except (ClientError, OSError) as error:
        lost = f"the answer was lost or is no HTTP: {type(error).__name__}"
        raise Unanswered(lost, sent=True) from None


def cluster_of(answer: Json) -> str:
    """Return which cluster has answered. Raise Unanswered if it is none."""
    header = answer.get("header")
    cluster = header.get("cluster_id") if isinstance(header, dict) else None
    if not isinstance(cluster, str) or not is_number(cluster, NUMBER_MAX):
        raise Unanswered("it answers, and not as an etcd", sent=True)
    return cluster


def understood(status: int, said: bytes, endpoint: Endpoint) -> Json:
    """Return what was answered; of a call that is a stream what is in its only line."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        words = _printable(said[: WORDS_MAX + 1].decode(errors="replace"))
        raise Unanswered(f"it answers {status}, and no JSON object: {words}", sent=True)
    error, result = answer.get("error"), answer.get("result")
    if isinstance(error, dict):  # a call that is a stream complains so
        answer = {"code": error.get("grpc_code"), "message": error.get("message")}
    elif status == HTTPStatus.OK:
        return result if "header" not in answer and isinstance(result, dict) else answer
    raise _meaning(answer, status, endpoint)


def _meaning(answer: Json, status: int, endpoint: Endpoint) -> Exception:
    code, said = answer.get("code"), answer.get("message") or answer.get("error")
    text = _printable(said) if isinstance(said, str) else ""
    if code == NOBODY or any(words in text for words in _TOKEN):
        return Expired()
    told = f"etcd: {endpoint.url} answers {status}: {text}"
    if code == RANGE:
        return Compacted(told)
    if isinstance(code, int) and code in _LASTING:
        return Permanent(told)
    return Unanswered(f"it answers {status}: {text}", sent=True)


def _printable(text: str) -> str:
    if len(text) > WORDS_MAX:
        return "long"
    # Struck out first: a secret that is cut off is not known again.
    return "".join(one if one.isprintable() else " " for one in conceal(text)[:SAID_MAX])
