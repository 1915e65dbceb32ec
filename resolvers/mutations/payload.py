"""What all mutations have in common: one input, a payload with user errors, one way to refuse.

A mutation is a function of `info` and `asked`, its input, that returns its payload:

    @payload.mutation(AdjustCreditsPayload, "Add or remove credits.")
    async def adjust_credits(
        info: Info, asked: Annotated[AdjustCreditsInput, payload.INPUT]
    ) -> AdjustCreditsPayload:
        service = access.service(info.context.viewer, Scope.CREDITS_WRITE)
        ...
        async with info.context.write() as session:
            ...
        return AdjustCreditsPayload(...)

A refusal of `billing/` becomes a user error that points at the part of the input that it is
about, and the payload holds nothing else. That a token lacks something is an error of the field.
The objects of a payload are read after the commit: its fields are asked of a new snapshot.
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.types import has_object_definition
from strawberry.utils.str_converters import to_camel_case

from billing import access, idempotency
from billing.access import Viewer
from billing.balance import Balance
from billing.errors import AccessRefused, BillingError, TextInvalid
from billing.idempotency import Request
from billing.usage import Outcome
from resolvers import ids, text
from resolvers.context import Info
from resolvers.refusals import InvalidId
from resolvers.types.scalars import BigInt

INPUT = strawberry.argument(name="input", description="The input.")
"""The argument of every mutation."""

IDEMPOTENCY_KEY = (
    "Your own key for this request, such as a UUID: 1 to 255 printable ASCII characters. The same"
    " key with the same input gets the same answer, and nothing is done twice."
)
"""The description of every input's `idempotencyKey`."""


@strawberry.type(description="Why a mutation did nothing: something that whoever asked can act on.")
class UserError:
    """A refusal, as a part of the answer."""

    code: str = strawberry.field(description="What is wrong, for programs: it never changes.")
    message: str = strawberry.field(description="What is wrong, for people, in English.")
    path: list[str] = strawberry.field(
        description="The part of the arguments that it is about, such as `input`, `amount`."
    )

    @classmethod
    def of(cls, refusal: BillingError) -> "UserError":
        """Return the GraphQL value of a refusal."""
        path = ["input", *map(to_camel_case, refusal.about)]
        return cls(code=refusal.code, message=str(refusal), path=path)


@strawberry.type(description="What a mutation answers.")
class Payload:
    """What every payload holds; a refusal holds nothing else."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was done; empty when it was."
    )


@strawberry.type(description="What a workspace can spend now, and what it owes.")
class CreditStanding:
    """Where the credits of a workspace stand."""

    remaining: BigInt = strawberry.field(
        description="The credits that can be spent: live lots only, never negative."
    )
    overdraft: BigInt = strawberry.field(
        description="What was used beyond the credits; the next credits repay it first."
    )

    @classmethod
    def of(cls, balance: Balance | Outcome) -> "CreditStanding":
        """Return the GraphQL value of a balance, or of the one that recording has left."""
        return cls(remaining=BigInt(balance.remaining), overdraft=BigInt(balance.overdraft))


P = TypeVar("P", bound=Payload)
Resolver = Callable[[Info, Any], Awaitable[P]]


def mutation(
    payload_type: type[P], description: str, *, takes_any_text: bool = False
) -> Callable[[Resolver[P]], Any]:
    """Make a function a field of `Mutation`, which is null only where an error says why.

    A text of the input that no database takes is refused, unless the function sees to that.
    """

    def decorate(resolver: Resolver[P]) -> Any:
        @wraps(resolver)
        async def answer(info: Info, asked: Any) -> P:
            try:
                if not takes_any_text:
                    _check_texts(asked)
                return await resolver(info, asked)
            except AccessRefused:
                raise
            except BillingError as refusal:
                return payload_type(user_errors=[UserError.of(refusal)])
            finally:
                await info.context.renew()

        return strawberry.mutation(
            resolver=answer, description=description, graphql_type=payload_type | None
        )

    return decorate


def workspace_id(asked: Any) -> UUID:
    """Return the workspace that the input's `workspaceId` names. Raises InvalidId."""
    found: UUID = key(asked, "workspace_id", "Workspace")
    return found


def key(asked: Any, name: str, type_: str) -> Any:
    """Return the key of the global id in the input's field `name`. Raises InvalidId."""
    try:
        return ids.decode(getattr(asked, name), type_).key
    except InvalidId as refusal:
        refusal.about = (name,)
        raise


def request(asked: Any, viewer: Viewer, *, mutation: str, workspace_id: UUID) -> Request:
    """Return the request under the input's `idempotencyKey`. Raises IdempotencyKeyInvalid."""
    said = _said(asked)
    return idempotency.request(
        workspace_id=workspace_id,
        actor=access.actor(viewer),
        mutation=mutation,
        key=said.pop("idempotency_key"),
        asked=said,
    )


async def standing(info: Info, workspace_id: UUID | None) -> CreditStanding | None:
    """Return where a workspace's credits stand now; None for a mutation that was refused."""
    if workspace_id is None:
        return None
    balance = await info.context.loaders.balance.load(workspace_id)
    assert balance is not None, "a workspace is created with its balance"
    return CreditStanding.of(balance)


def given(value: Any) -> Any:
    """Return what the input says; None for what it leaves out."""
    return None if value is strawberry.UNSET else value


def _said(value: Any) -> Any:
    """Return an input as what JSON can hold, without what it leaves out."""
    if has_object_definition(value):
        return {name: _said(each) for name, each in vars(value).items() if given(each) is not None}
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value


def _check_texts(asked: Any) -> None:
    """Refuse a text that no database takes. Raises TextInvalid."""
    for about in _unstorable(_said(asked)):
        raise TextInvalid(*about)


def _unstorable(value: Any, *about: str) -> Iterator[tuple[str, ...]]:
    """Yield where in the input there is a text that no database takes."""
    if isinstance(value, str):
        if text.is_unstorable(value):
            yield about
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _unstorable(each, *about, name)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _unstorable(each, *about, str(place))
