"""`recordUsage`: what the host product's services report as used."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import strawberry

from billing import access, usage, use
from billing.access import Scope
from billing.recorder import Recorder
from billing.reporting import Report, ReportedCall
from billing.usage import Answer, Duplicate, Recorded, Refused
from billing.use import RefusalReason
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.inputs import plain
from resolvers.mutations import payload
from resolvers.mutations.payload import CreditStanding, Payload
from resolvers.types.enums import BillingType, ImportType, described
from resolvers.types.scalars import BigInt
from resolvers.types.usage import UsageCharge, charge


class UsageEventStatus(StrEnum):
    """What became of a usage event."""

    RECORDED = "RECORDED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"


described(
    UsageEventStatus,
    "What became of a usage event.",
    {
        "RECORDED": "It is charged.",
        "DUPLICATE": "It was charged before, and not again.",
        "REFUSED": "It is not charged: the reason says why.",
    },
)
described(
    RefusalReason,
    "Why a usage event is not charged.",
    {
        "CREDITS_OUT_OF_RANGE": "The credits are negative, or more than can be kept.",
        "EVENT_ID_REUSED": "Another event was charged under this id.",
        "MESSAGE_COUNT_OUT_OF_RANGE": "The number of messages is negative.",
        "OCCURRED_IN_THE_FUTURE": "It is dated more than 5 minutes ahead.",
        "OCCURRED_TOO_LONG_AGO": "It is dated more than 35 days ago.",
        "TEXT_INVALID": "A text is empty, too long, or holds a character that cannot be kept.",
        "UNKNOWN_API_KEY": "The workspace has no such API key: upsert it first.",
        "UNKNOWN_USER": "The workspace has, and had, no such member: upsert them first.",
    },
    name="UsageRefusalReason",
)


@strawberry.input(description="What every usage event says.")
class _EventInput:
    event_id: str = strawberry.field(
        description="The service's own id of the event: it is charged once, however often sent."
    )
    occurred_at: datetime = strawberry.field(
        description="When it was used: at most 35 days ago, and at most 5 minutes ahead."
    )
    user_subject: str = strawberry.field(
        description="Who used it: the `sub` of their tokens. They must be or have been a member."
    )
    credits: BigInt = strawberry.field(description="What it costs: 0 or more credits.")


@plain
@strawberry.input(description="Messages, images or videos of a conversation, to be charged.")
class ConversationChargeInput(_EventInput):
    """An event of a conversation."""

    conversation_id: str = strawberry.field(description="The host product's id of it.")
    billing_type: BillingType = strawberry.field(
        description="What was made; the conversation's first event decides what it is billed as."
    )
    title: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The current title of the conversation; left out, it stays as it is.",
    )
    message_count: int = strawberry.field(
        default=1, description="The messages that this event counts: 0 or more."
    )

    def used(self) -> use.Conversation:
        """Return what was used."""
        title = payload.given(self.title) or ""
        return use.Conversation(self.conversation_id, title, self.billing_type, self.message_count)


@plain
@strawberry.input(description="A call of the MCP-HTTP interface, to be charged.")
class McpHttpCallInput(_EventInput):
    """An event of an MCP-HTTP call."""

    call_id: str = strawberry.field(description="The host product's id of it.")
    api_key_external_id: str = strawberry.field(
        description="The API key that was used, by the host product's id of it."
    )

    def used(self) -> ReportedCall:
        """Return what was used."""
        return ReportedCall(self.call_id, self.api_key_external_id)


@plain
@strawberry.input(description="An import job, to be charged.")
class ImportInput(_EventInput):
    """An event of an import job."""

    task_id: str = strawberry.field(description="The host product's id of it.")
    import_type: ImportType = strawberry.field(description="What it brought in.")
    import_url: str = strawberry.field(description="Where that came from; kept as it is.")

    def used(self) -> use.Import:
        """Return what was used."""
        return use.Import(self.task_id, self.import_type, self.import_url)


@plain
@strawberry.input(one_of=True, description="A usage event, of one of the three kinds.")
class UsageEventInput:
    """A usage event."""

    conversation: ConversationChargeInput | None = strawberry.field(
        default=strawberry.UNSET, description="Messages, images or videos of a conversation."
    )
    mcp_http_call: McpHttpCallInput | None = strawberry.field(
        default=strawberry.UNSET, description="A call with an API key."
    )
    import_: ImportInput | None = strawberry.field(
        name="import", default=strawberry.UNSET, description="A brand or product import."
    )

    def report(self) -> Report:
        """Return what is reported."""
        event = self.conversation or self.mcp_http_call or self.import_
        assert event, "GraphQL lets one of them through"
        return Report(
            event_id=event.event_id,
            occurred_at=event.occurred_at,
            user_subject=event.user_subject,
            credits=event.credits,
            use=event.used(),
        )


@strawberry.input(description="Finished usage of one workspace.")
class RecordUsageInput:
    """Finished usage."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace that used it.")
    events: list[UsageEventInput] = strawberry.field(
        description=f"What was used, at most {usage.BATCH_MAX:,} events."
    )


@strawberry.type(description="What became of a usage event.")
class UsageEventResult:
    """The answer to an event."""

    workspace_id: strawberry.Private[UUID]
    charge_number: strawberry.Private[int | None]
    event_id: str = strawberry.field(description="The id of the event.")
    status: UsageEventStatus = strawberry.field(description="What became of it.")
    reason: RefusalReason | None = strawberry.field(
        description="Why it is not charged; null when it is."
    )

    @classmethod
    def of(cls, answer: Answer, workspace_id: UUID) -> "UsageEventResult":
        """Return the GraphQL value of an answer."""
        said: dict[str, Any]
        match answer:
            case Recorded(_, number):
                said = {"status": UsageEventStatus.RECORDED, "charge_number": number}
            case Duplicate(_, number):
                said = {"status": UsageEventStatus.DUPLICATE, "charge_number": number}
            case Refused():
                said = {"status": UsageEventStatus.REFUSED, "reason": answer.reason}
        # What the database would not take is sent back as JSON can carry it.
        event_id = answer.event_id.encode(errors="replace").decode()
        nothing = {"charge_number": None, "reason": None}
        return cls(workspace_id=workspace_id, event_id=event_id, **nothing | said)

    @resolved("Its charge; null when it is refused. Needs the scope `billing:read`.")
    async def charge(self, info: Info) -> UsageCharge | None:
        """Return the charge that was written, now or before."""
        if self.charge_number is None:
            return None
        found = await info.context.loaders.workspace.load(self.workspace_id)
        row = await info.context.loaders.charge.load((self.workspace_id, self.charge_number))
        return None if found is None or row is None else charge(row, found)


@strawberry.type(description="What became of each event, and what the workspace has left.")
class RecordUsagePayload(Payload):
    """What became of the events."""

    results: list[UsageEventResult] | None = strawberry.field(
        default=None, description="What became of each event, in their order."
    )
    balance: CreditStanding | None = strawberry.field(
        default=None,
        description="What the workspace has left after this batch: enough for the next job?",
    )


@payload.mutation(
    RecordUsagePayload,
    "Record finished usage, also what exceeds the balance: it becomes overdraft. A batch is one"
    " transaction, but each event is judged by itself: a bad one is refused, the others are"
    " recorded. After a failure send the same batch again: no event is charged twice. Needs the"
    " scope `usage:write`.",
    takes_any_text=True,
)
async def record_usage(
    info: Info, asked: Annotated[RecordUsageInput, payload.INPUT]
) -> RecordUsagePayload:
    """Record the events that can be charged."""
    access.service(info.context.viewer, Scope.USAGE_WRITE)
    workspace_id = payload.workspace_id(asked)
    await info.context.renew()  # who waits for others to be recorded holds no connection
    recorder = info.context.recorder or Recorder(info.context.database)
    outcome = await recorder.record(
        workspace_id=workspace_id,
        reports=[event.report() for event in asked.events],
        now=info.context.now,
    )
    return RecordUsagePayload(
        results=[UsageEventResult.of(answer, workspace_id) for answer in outcome.answers],
        balance=CreditStanding.of(outcome),
    )
