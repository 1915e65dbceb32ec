"""What operators see of GraphQL operations, whatever transport they came by."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from prometheus_client import Counter, Histogram
from strawberry.extensions import SchemaExtension

from gateway import observability

_LATENCY_BUCKETS_SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_operations = Counter("gateway_operations", "GraphQL operations.", ["type", "outcome"])
_latency = Histogram(
    "gateway_operation_seconds",
    "What an operation takes; a subscription, as long as it lasts.",
    ["type"],
    buckets=_LATENCY_BUCKETS_SECONDS,
)


class Told(SchemaExtension):
    """A schema extension: counts each operation, and notes it for the line of its request."""

    def on_operation(self) -> Iterator[None]:
        """Tell of the operation when it has ended, unless its document could not be run."""
        started = time.perf_counter()
        yield
        ran = self.execution_context
        result: Any = ran.result
        errors = len(result.errors or ()) if result is not None else 0
        observability.note(operation_name=ran.operation_name, errors=errors)
        if ran.graphql_document is not None:
            kind = ran.operation_type.value
            observability.note(operation_type=kind)
            _counted(kind, "errors" if errors else "ok").inc()
            _timed(kind).observe(time.perf_counter() - started)


@cache
def _counted(operation_type: str, outcome: str) -> Counter:
    return _operations.labels(operation_type, outcome)


@cache
def _timed(operation_type: str) -> Histogram:
    return _latency.labels(operation_type)
