"""What operators see: one line a request, metrics, a request id in each line.

Neither tokens, documents nor variables are ever written.
"""

import json
import logging
import os
import re
import secrets
import sys
import time
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.settings import Settings

METRICS_DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where several workers keep what they count, so that any of them can tell it all."""

_ROUTES: Final = (
    *("/graphql", "/graphiql", "/webhooks/stripe", "/healthz", "/readyz", "/metrics"),
)
_PROBES: Final = ("/healthz", "/readyz", "/metrics")
_SERVER_ERROR: Final = 500
_PATH_LIMIT_CHARACTERS: Final = 200
_REQUEST_ID_HEADER: Final = b"x-request-id"
_REQUEST_ID: Final = re.compile(rb"[\w.:/+=-]{1,128}")

_requests = Counter("gateway_requests", "Requests answered.", ["route", "status"])
_in_flight = Gauge(
    "gateway_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum"
)
connections_in_use = Gauge(
    "gateway_database_connections_in_use",
    "Connections that requests hold.",
    multiprocess_mode="livesum",
)

_facts: ContextVar[dict[str, Any] | None] = ContextVar("facts", default=None)
_log = structlog.get_logger(__name__)


def note(**facts: Any) -> None:
    """Add facts to the line of the request that is being answered.

    A function is called when the line is written.
    """
    known = _facts.get()
    if known is not None:
        known.update(facts)


class Observed:
    """An ASGI middleware: a request id, a line in the log and the metrics of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then say what was answered."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        request_id = _request_id(scope)
        facts: dict[str, Any] = {"status": 500}
        kept = _facts.set(facts)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        _in_flight.inc()

        async def observe(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                facts["status"] = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (_REQUEST_ID_HEADER, request_id.encode()),
                ]
            elif message["type"] == "websocket.accept":
                facts["status"] = 101
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            _in_flight.dec()
            _facts.reset(kept)
            _report(scope, facts, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")


def metrics() -> tuple[bytes, str]:
    """Return the metrics of all workers, and their media type."""
    registry: CollectorRegistry = REGISTRY
    shared = os.environ.get(METRICS_DIRECTORY_VARIABLE)
    if shared is not None:
        _forget_dead_workers(Path(shared))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types
    return generate_latest(registry), CONTENT_TYPE_LATEST


def configure_logging(settings: Settings) -> None:
    """Write every line, ours and the libraries', to standard error in one form.

    Ours go there directly: the standard library's way takes longer than a small query.
    """
    is_console = settings.log_format == "console" or (
        settings.log_format == "automatic" and sys.stderr.isatty()
    )
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Both show a traceback without the values in it, which may be secret.
    rendering: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    logging.captureWarnings(capture=True)
    # They tell of each step, and httpx of each address; `debug` shows all of it.
    for name in ("alembic", "httpcore", "httpx", "uvicorn"):
        logging.getLogger(name).setLevel(
            logging.DEBUG if level == logging.DEBUG else logging.WARNING
        )


def _report(scope: Scope, facts: dict[str, Any], seconds: float) -> None:
    path, status = scope["path"], facts["status"]
    _counted(path if path in _ROUTES else "other", str(status)).inc()
    known = {name: fact for name, fact in facts.items() if fact is not None}
    line = {
        "method": scope.get("method", "WEBSOCKET"),
        "path": path[:_PATH_LIMIT_CHARACTERS],  # its query may hold a document
        "duration_ms": round(seconds * 1000, 2),
        **{name: fact() if callable(fact) else fact for name, fact in known.items()},
    }
    if path in _PROBES and status < _SERVER_ERROR:
        _log.debug("request", **line)
    else:
        _log.info("request", **line)


@cache
def _counted(route: str, status: str) -> Counter:
    return _requests.labels(route, status)


def _request_id(scope: Scope) -> str:
    """Return the id that a proxy or the client gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == _REQUEST_ID_HEADER and _REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return secrets.token_hex(16)


def _forget_dead_workers(directory: Path) -> None:
    for file in directory.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, os.fspath(directory))  # type: ignore[no-untyped-call]  # untyped


def _json(line: Any, **_: Any) -> str:
    try:
        return orjson.dumps(line, default=repr).decode()
    except TypeError:  # half of a surrogate pair, a number past 64 bits
        return json.dumps(line, default=repr, skipkeys=True)
