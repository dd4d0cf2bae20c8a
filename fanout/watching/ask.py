"""GET /status of a replica."""

import http.client
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from fanout.errors import FanoutError
from fanout.status.state import Status
from fanout.words import printable

ANSWER_S = 5.0
_ANSWER_BYTES = 32 * 1024 * 1024
_PATH = "/status"


class BadUrlError(FanoutError):
    """It is no address of a replica."""


class NoAnswerError(FanoutError):
    """Nothing answers there, or nothing that is a replica; the text says what to do."""


class Answer(NamedTuple):
    """What came, and what it means."""

    raw: bytes
    status: Status


def ask(url: str) -> Answer:
    """The state of the replica there. Blocks for ANSWER_S between two bytes; raises BadUrlError and NoAnswerError."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadUrlError(f"{printable(url)}: {error}") from error
    if parts.scheme not in {"http", "https"} or host is None:
        raise BadUrlError(f"{printable(url)} is no address: give it as in http://127.0.0.1:8080")
    path = parts.path.rstrip("/")
    raw = _get(url, _connection(parts.scheme, host, port), path if path.endswith(_PATH) else path + _PATH)
    try:
        return Answer(raw, msgspec.json.decode(raw, type=Status))
    except msgspec.MsgspecError as error:
        raise NoAnswerError(
            f"what answers at {printable(url)} is no replica of this version ({printable(str(error))}): "
            "look at the address, and whether both are of one version"
        ) from error


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=ANSWER_S)


def _get(url: str, connection: http.client.HTTPConnection, path: str) -> bytes:
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(
            f"nothing answers at {printable(url)} ({printable(str(error) or type(error).__name__)}): "
            "look whether a replica runs there and at its HTTP_PORT; "
            "in Kubernetes: kubectl port-forward deploy/events-fanout 8080"
        ) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NoAnswerError(
            f"{printable(url)} answers {response.status} {printable(response.reason)}: it is no replica, "
            "or not one of this version"
        )
    if len(body) > _ANSWER_BYTES:
        raise NoAnswerError(f"{printable(url)} answers more than a replica would: look at the address")
    return body
