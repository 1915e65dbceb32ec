"""The schema as a product: described to the last word, printed, and true to its conventions."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)
from strawberry.types import get_object_definition

from resolvers import ids, nodes
from resolvers.schema import printed, schema
from resolvers.types.node import Node

ROOT = Path(__file__).parents[2]
SCHEMA = schema._schema
TYPES = {
    name: type_
    for name, type_ in SCHEMA.type_map.items()
    if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
}
OBJECTS = {name: type_ for name, type_ in TYPES.items() if isinstance(type_, GraphQLObjectType)}
PAGE_ARGUMENTS = {"first": "Int", "after": "String", "last": "Int", "before": "String"}

NULLABLE = {
    # A root lookup finds what there is and what the viewer may see.
    "Query.viewer",
    "Query.workspace",
    "Query.node",
    "Query.nodes[]",
    "SubscriptionRoot.creditBalanceChanged",
    "SubscriptionRoot.topUpCheckoutChanged",
    # What a role may not see.
    "ConversationUsage.user",
    "ImportUsage.user",
    "McpHttpCall.user",
    "ReferralDetail.workspaceName",
    "TopUpCheckout.url",
    "User.workspaces",
    "Workspace.viewerRole",
    # What there may be none of.
    "ApiKey.revokedAt",
    "CreditBalance.nextExpiry",
    "CreditBalance.nextRefreshAmount",
    "CreditBalance.projectedDepletionAt",
    "CreditBalance.refreshesAt",
    "CreditLot.expiresAt",
    "PackageDetail.billingCycle",
    "PageInfo.endCursor",
    "PageInfo.startCursor",
    "PendingPlanChange.billingCycle",
    "PlanOption.billingCycle",
    "PlanOption.price",
    "PlanOption.reason",
    "PurchaseDetail.receiptUrl",
    "Subscription.billingCycle",
    "Subscription.currentPeriodEnd",
    "Subscription.pendingChange",
    "Workspace.creditPack",
    "WorkspacePermissions.reason",
    "TopUpCheckout.completedAt",
    "TopUpCheckout.expiresAt",
    "UsageEventResult.charge",
    "UsageEventResult.reason",
    # What a story tells by name, without a foreign key that holds it.
    "CompensationDetail.fromPlan",
    "CompensationDetail.toPlan",
    "ExpirationDetail.lot",
    "PackageDetail.plan",
    "PaymentReversalDetail.reversed",
    # What the payment provider may fail to tell.
    "Workspace.planSwitchPreview",
}
"""What may be null, but for what a mutation answers: nothing of it is there when it is refused."""


def test_everything_is_described() -> None:
    """Each type, field, argument, enum value and input field, in sentences that end."""
    descriptions = dict(described()) | {"the schema": schema._schema.description}

    assert {name for name, text in descriptions.items() if not text} == set()
    unfinished = {
        name: text
        for name, text in descriptions.items()
        if text and not text.endswith((".", "?")) and not name.startswith("PageInfo")
    }
    assert unfinished == {}


def test_the_printed_schema_is_the_one_that_is_kept() -> None:
    """`make schema` writes it."""
    assert printed() == (ROOT / "schema.graphql").read_text(encoding="utf-8")


def test_the_printed_schema_is_a_schema() -> None:
    """Other tools read it as we do."""
    built = build_schema(printed())

    assert {name for name in built.type_map if name in TYPES} == set(TYPES)
    filter_ = built.type_map["DateTimeFilter"]
    assert isinstance(filter_, GraphQLInputObjectType)
    assert filter_.is_one_of


def test_what_has_an_id_is_a_node_and_can_be_asked_for() -> None:
    """Every node has ids of its own, and somebody who finds it."""
    with_id = {name for name, type_ in OBJECTS.items() if "id" in type_.fields}
    implementing = {type_.name for type_ in SCHEMA.get_implementations(node()).objects}

    assert with_id == implementing
    assert set(nodes._GLOBAL) | set(nodes._OF_WORKSPACE) == implementing
    assert set(nodes._GLOBAL) == set(ids._GLOBAL_KEYS)
    assert set(nodes._OF_WORKSPACE) == set(ids._WORKSPACE_KEYS)


def test_ids_are_ids_and_nothing_else_is() -> None:
    """A field of type `ID` is a node's own, or what a service without `billing:read` is told."""
    own = {
        f"{name}.{field}"
        for name, type_ in OBJECTS.items()
        for field, definition in type_.fields.items()
        if str(get_named_type(definition.type)) == "ID"
    }

    own.remove("UpsertWorkspacePayload.workspaceId")
    assert {name.split(".")[1] for name in own} == {"id"}
    assert all(
        str(type_.fields["id"].type) == "ID!" for type_ in OBJECTS.values() if "id" in type_.fields
    )


def test_fields_are_nullable_for_a_reason() -> None:
    """Everything else is there, always; of a payload, the user errors are."""
    nullable = {
        name
        for type_name, type_ in OBJECTS.items()
        for field, definition in type_.fields.items()
        for name in nullable_parts(f"{type_name}.{field}", definition)
    }
    answers = {name for name in nullable if name.split(".")[0].endswith(("Mutation", "Payload"))}

    assert nullable - answers == NULLABLE
    assert answers == {
        f"{type_name}.{field}"
        for type_name, type_ in OBJECTS.items()
        if type_name.endswith(("Mutation", "Payload"))
        for field in type_.fields
        if field != "userErrors"
    }


def test_every_connection_is_one() -> None:
    """Edges with a cursor and a node, the nodes, and where the page stands."""
    connections = {name: type_ for name, type_ in OBJECTS.items() if name.endswith("Connection")}

    assert len(connections) == 8
    for name, type_ in connections.items():
        edge = get_named_type(type_.fields["edges"].type)
        assert isinstance(edge, GraphQLObjectType)
        assert edge.name == name.removesuffix("Connection") + "Edge"
        node_type = get_named_type(edge.fields["node"].type)
        assert str(edge.fields["node"].type) == f"{node_type}!"
        assert str(edge.fields["cursor"].type) == "String!"
        assert str(type_.fields["edges"].type) == f"[{edge}!]!"
        assert str(type_.fields["nodes"].type) == f"[{node_type}!]!"
        assert str(type_.fields["pageInfo"].type) == "PageInfo!"


def test_every_connection_is_paged_by_the_same_arguments() -> None:
    """And whoever takes them gives a connection."""
    for type_ in OBJECTS.values():
        for field, definition in type_.fields.items():
            paged = {
                name: str(argument.type)
                for name, argument in definition.args.items()
                if name in PAGE_ARGUMENTS
            }
            is_connection = str(get_named_type(definition.type)).endswith("Connection")
            assert paged == (PAGE_ARGUMENTS if is_connection else {}), f"{type_}.{field}"


def test_the_four_lists_are_alike() -> None:
    """A filter, an order, a count, and a summary that speaks of the same rows."""
    for name in ("ConversationUsage", "McpHttpCall", "ImportUsage", "CreditAdjustment"):
        connection = OBJECTS[f"{name}Connection"]
        [field] = [
            definition
            for definition in OBJECTS["Workspace"].fields.values()
            if get_named_type(definition.type) is connection
        ]
        assert str(field.args["filterBy"].type) == f"{name}Filter"
        assert str(field.args["orderBy"].type) == f"{name}Order"
        assert str(connection.fields["totalCount"].type) == "Int!"
        assert str(connection.fields["summary"].type) == f"{name}Summary!"
        order = TYPES[f"{name}Order"]
        assert isinstance(order, GraphQLInputObjectType)
        assert {field: str(one.type) for field, one in order.fields.items()} == {
            "field": f"{name}OrderField!",
            "direction": "OrderDirection!",
        }


def test_the_scalars_say_what_specifies_them() -> None:
    """A client generator needs to know."""
    scalars = [type_ for type_ in TYPES.values() if isinstance(type_, GraphQLScalarType)]

    assert {scalar.name for scalar in scalars} == {"BigInt", "DateTime", "URL"}
    assert all(scalar.specified_by_url for scalar in scalars)


def test_credits_are_numbers_that_json_carries() -> None:
    """Neither the 32 bits of `Int` nor a float: those are for what stays small, and for parts."""
    small = {
        f"{name}.{field}"
        for name, type_ in OBJECTS.items()
        for field, definition in type_.fields.items()
        if str(get_named_type(definition.type)) in {"Int", "Float"}
    }

    assert small == {
        "ApiKeyConnection.totalCount",
        "CompensationDetail.fractionLeft",
        "ConversationUsageConnection.totalCount",
        "CreditAdjustmentConnection.totalCount",
        "CreditLotConnection.totalCount",
        "CreditPack.quantityMax",
        "ImportUsageConnection.totalCount",
        "McpHttpCallConnection.totalCount",
        "Plan.rank",
        "PurchaseDetail.packs",
        "TopUpCheckout.packs",
        "UsageChargeConnection.totalCount",
        "UserWorkspaceConnection.totalCount",
    }


def test_every_mutation_takes_one_input_and_answers_with_a_payload_of_its_own() -> None:
    """Each payload holds the user errors; the root is null only where an error says why."""
    assert SCHEMA.mutation_type is not None
    for name, field in SCHEMA.mutation_type.fields.items():
        word = name[0].upper() + name[1:]
        assert {key: str(each.type) for key, each in field.args.items()} == {
            "input": f"{word}Input!"
        }
        assert str(field.type) == f"{word}Payload"
        payload = OBJECTS[f"{word}Payload"]
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"


def test_what_is_followed_has_a_root_that_says_its_name() -> None:
    """`Subscription` is what a workspace holds: tools must not take it for the root."""
    assert SCHEMA.subscription_type is OBJECTS["SubscriptionRoot"]
    assert "\n  subscription: SubscriptionRoot\n}" in printed()


def test_every_node_of_the_code_is_in_the_schema() -> None:
    """A type that no field leads to would be left out unless it is named."""
    named = {
        definition.name
        for class_ in subclasses(Node)
        if (definition := get_object_definition(class_)) and not definition.is_graphql_generic
    }

    assert named == {type_.name for type_ in SCHEMA.get_implementations(node()).objects}


def described() -> Iterator[tuple[str, str | None]]:
    """Yield the name and the description of everything that has one."""
    for name, type_ in TYPES.items():
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{key}", value.description) for key, value in type_.values.items())
        elif isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{key}", each.description) for key, each in type_.fields.items())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in type_.fields.items():
                yield f"{name}.{key}", field.description
                for argument, definition in field.args.items():
                    yield f"{name}.{key}({argument})", definition.description
        else:
            assert isinstance(type_, GraphQLScalarType | GraphQLUnionType)


def nullable_parts(name: str, field: GraphQLField) -> Iterator[str]:
    """Yield the name of the field, and of the elements of its list, where they may be null."""
    type_ = field.type
    while True:
        if not isinstance(type_, GraphQLNonNull):
            yield name
        else:
            type_ = type_.of_type
        if not isinstance(type_, GraphQLList):
            return
        name, type_ = f"{name}[]", type_.of_type


def node() -> GraphQLInterfaceType:
    """Return the interface of what has a global id."""
    found = SCHEMA.type_map["Node"]
    assert isinstance(found, GraphQLInterfaceType)
    return found


def subclasses(class_: type) -> set[type]:
    """Return every class below a class."""
    direct: list[type] = class_.__subclasses__()
    return set(direct).union(*map(subclasses, direct))
