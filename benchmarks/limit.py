"""The limit: each workload by hand, with raw asyncpg and orjson."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
from sqlalchemy.engine import make_url

from benchmarks.workloads import Gateway

Connection = Any
"""asyncpg's connection: the driver has no types."""


async def connect(url: str) -> Connection:
    """Return a connection to the database of a SQLAlchemy address."""
    parts = make_url(url)
    return await asyncpg.connect(
        host=parts.query["host"],
        port=parts.port or parts.query.get("port"),
        user=parts.username,
        database=parts.database,
    )


async def page(connection: Connection, gateway: Gateway) -> bytes:
    """Answer fifty conversations with who started them."""
    return _json(await connection.fetch(_CONVERSATIONS + _NEWEST, gateway.workspace_id, 50))


async def dashboard(connection: Connection, gateway: Gateway) -> bytes:
    """Answer plan, balance, and twenty rows of each list."""
    answers = [await connection.fetch(_WORKSPACE, gateway.workspace_id)]
    answers += [
        await connection.fetch(statement, gateway.workspace_id, 20)
        for statement in (_CONVERSATIONS + _NEWEST, _CALLS, _IMPORTS, _ADJUSTMENTS)
    ]
    return b"".join(map(_json, answers))


async def summary(connection: Connection, gateway: Gateway) -> bytes:
    """Answer the totals of thirty days, and their first page."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0) - timedelta(days=29)
    since = " AND updated_at >= $3"
    rows = await connection.fetch(_CONVERSATIONS + since + _NEWEST, gateway.workspace_id, 50, start)
    totals = await connection.fetch(_TOTALS, gateway.workspace_id, start)
    return _json(rows) + _json(totals)


async def tiny(connection: Connection, gateway: Gateway) -> bytes:
    """Answer name and balance."""
    return _json(await connection.fetch(_WORKSPACE, gateway.workspace_id))


ANSWERS: Mapping[str, Callable[[Connection, Gateway], Awaitable[bytes]]] = {
    "page": page,
    "dashboard": dashboard,
    "summary": summary,
    "tiny": tiny,
}


def _json(rows: list[Any]) -> bytes:
    return orjson.dumps([dict(row) for row in rows], default=str)


_CONVERSATIONS = """
    SELECT conversation_usage.id::text, conversation_id, title, message_count, credits,
        billing_type, updated_at, users.name
    FROM conversation_usage JOIN users ON users.id = user_id
    WHERE workspace_id = $1
"""
_NEWEST = " ORDER BY updated_at DESC, conversation_usage.id DESC LIMIT $2"
_CALLS = """
    SELECT call_id, credits, mcp_http_calls.created_at, api_keys.name AS key, users.name
    FROM mcp_http_calls JOIN users ON users.id = user_id
        JOIN api_keys ON api_keys.workspace_id = mcp_http_calls.workspace_id
            AND api_keys.id = api_key_id
    WHERE mcp_http_calls.workspace_id = $1
    ORDER BY mcp_http_calls.created_at DESC, mcp_http_calls.id DESC LIMIT $2
"""
_IMPORTS = """
    SELECT task_id, import_type, import_url, credits, import_usage.created_at, users.name
    FROM import_usage JOIN users ON users.id = user_id
    WHERE workspace_id = $1
    ORDER BY import_usage.created_at DESC, import_usage.id DESC LIMIT $2
"""
_ADJUSTMENTS = """
    SELECT type, amount, description, created_at FROM credit_adjustments
    WHERE workspace_id = $1 ORDER BY created_at DESC, entry_number DESC LIMIT $2
"""
_TOTALS = """
    SELECT count(*), sum(message_count)::bigint, sum(credits)::bigint FROM conversation_usage
    WHERE workspace_id = $1 AND updated_at >= $2
"""
_WORKSPACE = """
    SELECT workspaces.name, plans.name AS plan,
        (SELECT sum(remaining)::bigint FROM credit_lots WHERE workspace_id = workspaces.id
            AND remaining > 0 AND (expires_at IS NULL OR expires_at > now())) AS remaining
    FROM workspaces JOIN subscriptions ON workspace_id = workspaces.id AND ended_at IS NULL
        JOIN plans ON plans.id = plan_id
    WHERE workspaces.id = $1
"""
