"""What a client learns of a failure: a message for people, `extensions.code` for programs.

Three kinds leave the gateway:

- a refusal of `billing/`, with its own code, at the field that refused;
- a mistake in the request, or the database's being away or slow, with a `Code` below;
- anything else: masked as INTERNAL_ERROR with a reference, which the log line repeats.
"""

import secrets
from enum import StrEnum
from typing import Any

import structlog
from graphql import FieldNode, GraphQLError, Node, Source

from billing.errors import BillingError
from models.database import DatabaseFailure, StatementTimeout

_log = structlog.get_logger(__name__)

_QUOTED_CHARACTERS = 100


class Code(StrEnum):
    """The codes that are not a refusal of `billing/`; Apollo's names where it has one."""

    ALIAS_LIMIT_EXCEEDED = "ALIAS_LIMIT_EXCEEDED"
    AUTHENTICATION_UNAVAILABLE = "AUTHENTICATION_UNAVAILABLE"
    BAD_REQUEST = "BAD_REQUEST"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    COMPLEXITY_LIMIT_EXCEEDED = "COMPLEXITY_LIMIT_EXCEEDED"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    DEPTH_LIMIT_EXCEEDED = "DEPTH_LIMIT_EXCEEDED"
    DIRECTIVE_LIMIT_EXCEEDED = "DIRECTIVE_LIMIT_EXCEEDED"
    FRAGMENT_LIMIT_EXCEEDED = "FRAGMENT_LIMIT_EXCEEDED"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    INTROSPECTION_LIMIT_EXCEEDED = "INTROSPECTION_LIMIT_EXCEEDED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    OBJECT_LIMIT_EXCEEDED = "OBJECT_LIMIT_EXCEEDED"
    OPERATION_LIMIT_EXCEEDED = "OPERATION_LIMIT_EXCEEDED"
    OPERATION_NOT_ALLOWED = "OPERATION_NOT_ALLOWED"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    ROOT_FIELD_LIMIT_EXCEEDED = "ROOT_FIELD_LIMIT_EXCEEDED"
    TIMEOUT = "TIMEOUT"
    TOKEN_LIMIT_EXCEEDED = "TOKEN_LIMIT_EXCEEDED"  # noqa: S105 - tokens of a document
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    VALUE_LIMIT_EXCEEDED = "VALUE_LIMIT_EXCEEDED"


def coded(
    message: str,
    code: Code,
    *,
    nodes: Node | None = None,
    source: Source | None = None,
    position: int | None = None,
    **extensions: Any,
) -> GraphQLError:
    """Return an error of the request, with `extensions` beside its code."""
    return GraphQLError(
        message,
        nodes,
        source,
        None if position is None else [position],
        extensions={"code": str(code), **extensions},
    )


def recoded(error: GraphQLError, code: str, *, message: str | None = None) -> GraphQLError:
    """Return `error` at its place in document and response, with a code (and a message)."""
    return GraphQLError(
        error.message if message is None else message,
        error.nodes,
        error.source,
        error.positions,
        error.path,
        extensions={"code": str(code)},
    )


def shown(error: GraphQLError) -> GraphQLError:
    """Return what a client may see of `error`. Logs what nobody expected, once."""
    if error.extensions and "code" in error.extensions:
        return error
    cause = _cause(error)
    if isinstance(cause, BillingError):
        return recoded(error, cause.code, message=str(cause))
    if isinstance(cause, DatabaseFailure):
        return _unanswered(error, cause)
    if _blames_input(error, cause):
        return recoded(error, Code.BAD_USER_INPUT)
    masked = unexpected(cause or error, path=error.path)
    return GraphQLError(
        masked.message,
        error.nodes,
        error.source,
        error.positions,
        error.path,
        extensions=masked.extensions,
    )


def unexpected(cause: BaseException, *, path: list[str | int] | None = None) -> GraphQLError:
    """Log `cause` with its traceback, and return the error that tells a client only where to ask.

    The reference leads from what a client reports to the line in the log.
    """
    reference = secrets.token_hex(8)
    _log.error("unexpected error", reference=reference, path=path, exc_info=cause)
    return coded("Internal server error", Code.INTERNAL_ERROR, reference=reference)


def quote(value: str) -> str:
    """Return `value` for a message: quoted, short, and free of what JSON cannot carry."""
    short = value if len(value) <= _QUOTED_CHARACTERS else value[:_QUOTED_CHARACTERS] + "..."
    return f'"{short}"'.encode(errors="replace").decode()


def _unanswered(error: GraphQLError, cause: DatabaseFailure) -> GraphQLError:
    """Return `error` as one to try again; log it in a line, for there may be thousands."""
    _log.warning("database failure", kind=type(cause).__name__, path=error.path, reason=str(cause))
    if isinstance(cause, StatementTimeout):
        return recoded(error, Code.TIMEOUT, message="A part of the operation took too long.")
    message = "The database cannot be reached now: try again."
    return recoded(error, Code.DATABASE_UNAVAILABLE, message=message)


def _cause(error: GraphQLError) -> Exception | None:
    """Return what was raised first; None when GraphQL itself complains."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _blames_input(error: GraphQLError, cause: Exception | None) -> bool:
    """Tell whether the client's input is at fault.

    Before a field runs, an error that points into the document is about a variable. At a field,
    one that points at anything but the field is about an argument; one that points at the field
    itself is a result that does not fit its type.
    """
    if error.path is None:
        return bool(error.nodes) or cause is None
    return cause is None and any(not isinstance(node, FieldNode) for node in error.nodes or ())
