"""Usage as the host product reports it: people and API keys by the host's own names for them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Executable, Text, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import rows, usage, use
from billing.errors import UsageBatchTooLarge
from billing.usage import Outcome, Refused, UsageEvent
from billing.use import RefusalReason
from models.workspace import ApiKey, Membership, User


@dataclass(frozen=True, slots=True)
class ReportedCall:
    """A call of the MCP-HTTP interface with the API key that the host knows by that id."""

    call_id: str
    api_key_external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A usage event whose person is named by the subject of their tokens."""

    event_id: str
    occurred_at: datetime
    user_subject: str
    credits: int
    use: use.Conversation | ReportedCall | use.Import


async def record(
    session: AsyncSession, *, workspace_id: UUID, reports: Sequence[Report], now: datetime
) -> Outcome:
    """Record finished usage; there is an answer for each report, in their order.

    Raises UsageBatchTooLarge and WorkspaceNotFound; nothing is recorded then.
    """
    if len(reports) > usage.BATCH_MAX:
        raise UsageBatchTooLarge(len(reports), maximum=usage.BATCH_MAX)

    subjects = {report.user_subject for report in reports}
    external_ids = {
        report.use.api_key_external_id for report in reports if isinstance(report.use, ReportedCall)
    }
    user_ids = await _ids_of(session, _USER_IDS, subjects, workspace_id)
    api_key_ids = await _ids_of(session, _API_KEY_IDS, external_ids, workspace_id)
    named = [_event(report, user_ids, api_key_ids) for report in reports]
    events = [event for event in named if isinstance(event, UsageEvent)]
    outcome = await usage.record(session, workspace_id=workspace_id, events=events, now=now)
    recorded = iter(outcome.answers)
    answers = [event if isinstance(event, Refused) else next(recorded) for event in named]
    return replace(outcome, answers=answers)


def _event(
    report: Report, user_ids: Mapping[str, UUID], api_key_ids: Mapping[str, UUID]
) -> UsageEvent | Refused:
    """Return the event that a report tells of, if whom and what it names is known."""
    user_id = user_ids.get(report.user_subject)
    if user_id is None:
        return Refused(report.event_id, RefusalReason.UNKNOWN_USER)
    used: use.Use
    if isinstance(report.use, ReportedCall):
        api_key_id = api_key_ids.get(report.use.api_key_external_id)
        if api_key_id is None:
            return Refused(report.event_id, RefusalReason.UNKNOWN_API_KEY)
        used = use.McpHttpCall(report.use.call_id, api_key_id)
    else:
        used = report.use
    return UsageEvent(
        event_id=report.event_id,
        occurred_at=report.occurred_at,
        user_id=user_id,
        credits=report.credits,
        use=used,
    )


async def _ids_of(
    session: AsyncSession, statement: Executable, names: Collection[str], workspace_id: UUID
) -> dict[str, UUID]:
    """Return the ids behind the host's names, of what the workspace has and had."""
    wanted = [name for name in names if use.is_id(name)]
    if not wanted:
        return {}
    found = await session.execute(statement, {"of_workspace": workspace_id, "names": wanted})
    return {row.name: row.id for row in found}


_USERS = rows.table(User).c
_MEMBERS = rows.table(Membership).c
_API_KEYS = rows.table(ApiKey).c

_OURS = bindparam("of_workspace", type_=Uuid())
_NAMES = func.any(bindparam("names", type_=ARRAY(Text)))

_USER_IDS = select(_USERS.subject.label("name"), _USERS.id).where(
    _USERS.subject == _NAMES, _MEMBERS.workspace_id == _OURS, _MEMBERS.user_id == _USERS.id
)
_API_KEY_IDS = select(_API_KEYS.external_id.label("name"), _API_KEYS.id).where(
    _API_KEYS.external_id == _NAMES, _API_KEYS.workspace_id == _OURS
)
