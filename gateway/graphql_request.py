"""A GraphQL request as HTTP carries it: read under limits, or refused with a status.

JSON is read by orjson, which takes only UTF-8 without halves of surrogate pairs, without NaN, and
not nested deeper than 1,024 levels: what it cannot read is the client's mistake.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request

from gateway import bodies
from gateway.bodies import BodyTooLarge, BodyTooSlow
from resolvers import errors
from resolvers.errors import Code

GRAPHQL: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

_PREFERENCE: Final = (GRAPHQL, JSON, EVENT_STREAM)
_RANGES: Final = {
    **{media_type: media_type for media_type in _PREFERENCE},
    "application/*": JSON,
    "*/*": JSON,  # what the draft asks for while there are clients that know only this
}
_UTF_8: Final = ("utf-8", "utf8")


class RequestRefused(Exception):
    """A request that never becomes an operation: a status and an error for the document."""

    def __init__(
        self, status: int, code: Code, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = errors.coded(message, code)
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a well-formed request."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def acceptable(accept: Iterable[str]) -> list[str]:
    """Return the media types that the values of `Accept` allow, the preferred one first.

    A stream of events is never chosen by a wildcard. Without the header it is JSON.
    """
    ranges = [part for value in accept for part in value.lower().split(",") if part.strip()]
    if not ranges:
        return [JSON]

    qualities: dict[str, float] = {}
    for part in ranges:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        media_type = _RANGES.get(name)
        if media_type and (media_type == name or media_type not in qualities):
            qualities[media_type] = _quality(parameters)
    allowed = [each for each in _PREFERENCE if qualities.get(each, 0) > 0]
    return sorted(allowed, key=lambda each: -qualities[each])  # stable: ties keep our preference


async def read(request: Request, *, limit_bytes: int, timeout_seconds: float) -> Parameters:
    """Return the parameters of a GET or POST request. Raises RequestRefused."""
    if request.method == "GET":
        if len(request.scope["query_string"]) > limit_bytes:
            raise _too_large(414, limit_bytes)
        fields: Any = {name: value or None for name, value in request.query_params.items()}
        for name in ("variables", "extensions"):
            if fields.get(name) is not None:
                fields[name] = _json(fields[name], what=f"`{name}`")
    else:
        _check_encoding(request)
        try:
            body = await bodies.read(
                request, limit_bytes=limit_bytes, timeout_seconds=timeout_seconds
            )
        except BodyTooLarge:
            raise _too_large(413, limit_bytes) from None
        except BodyTooSlow:
            message = f"The body did not come within {timeout_seconds:g} s."
            raise RequestRefused(408, Code.REQUEST_TIMEOUT, message) from None
        fields = _json(body, what="The body")
    return _parameters(fields)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter.removeprefix("q="))
            except ValueError:
                return 0.0
    return 1.0


def _check_encoding(request: Request) -> None:
    """Refuse what is not JSON in UTF-8.

    No browser sends `application/json` to another origin without asking first.
    """
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [each.strip() for each in parameters if each.strip().startswith("charset=")]
    encoding = request.headers.get("content-encoding", "identity").lower()
    if media_type.strip() != JSON or encoding != "identity":
        message = f"The body must be {JSON}, and not compressed."
    elif any(each.removeprefix("charset=").strip('"') not in _UTF_8 for each in charsets):
        message = "The body must be in UTF-8."
    else:
        return
    raise RequestRefused(415, Code.UNSUPPORTED_MEDIA_TYPE, message)


def _json(text: str | bytes, *, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed(f"{what} is not JSON in UTF-8, or is nested too deeply.") from None


def _parameters(fields: Any) -> Parameters:
    if isinstance(fields, list):
        raise _malformed("One request carries one operation: batches are not taken.")
    if not isinstance(fields, dict):
        raise _malformed("The body must be an object with a `query`.")
    query = fields.get("query")
    operation_name = fields.get("operationName")
    if query is None and _is_persisted(fields):
        message = "PersistedQueryNotSupported"  # the very words by which Apollo's clients know it
        raise RequestRefused(400, Code.PERSISTED_QUERY_NOT_SUPPORTED, message)
    if not isinstance(query, str) or not query:
        raise _malformed("`query` must be a GraphQL document.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise _malformed("`operationName` must be a string.")
    for name in ("variables", "extensions"):
        if fields.get(name) is not None and not isinstance(fields[name], dict):
            raise _malformed(f"`{name}` must be an object.")
    return Parameters(query, operation_name, fields.get("variables"), fields.get("extensions"))


def _is_persisted(fields: dict[str, Any]) -> bool:
    extensions = fields.get("extensions")
    return "documentId" in fields or (
        isinstance(extensions, dict) and "persistedQuery" in extensions
    )


def _malformed(message: str) -> RequestRefused:
    return RequestRefused(400, Code.BAD_REQUEST, message)


def _too_large(status: int, limit_bytes: int) -> RequestRefused:
    message = f"The request is larger than {limit_bytes} bytes."
    return RequestRefused(status, Code.REQUEST_TOO_LARGE, message)
