"""The clients that frontend teams use: they compile against the schema, and page through lists."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from tests.clients import project as projects
from tests.clients.conftest import Gateway
from tests.clients.project import Project
from tests.resolvers import world

LISTS = {
    "AdjustmentsTab": "creditAdjustments",
    "ConversationsTab": "conversationUsage",
    "ImportsTab": "importUsage",
    "McpHttpCallsTab": "mcpHttpCalls",
}
MANIFESTS = sorted((projects.HERE / "pinned").glob("*.json"))
CLIENTS = ("apollo", "mobile", "relay", "urql")


@pytest.mark.parametrize("tab", LISTS)
def test_relay_pages_each_list_by_the_id_of_its_workspace(built: Project, tab: str) -> None:
    """The compiler writes the query of the next page, with every argument of the list."""
    query = _operation(built, f"{tab}PaginationQuery")

    assert "node(id: $id)" in query
    arguments = "(first: $first, after: $after, filterBy: $filterBy, orderBy: $orderBy)"
    assert f"{LISTS[tab]}{arguments}" in query
    for name in ("edges", "cursor", "pageInfo", "endCursor", "hasNextPage"):
        assert name in query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("BalanceHeaderRefetchQuery", "node(id: $id)"),
        ("ChargesSheetPaginationQuery", "charges(first: $first, after: $after)"),
        ("LotsSheetPaginationQuery", "lots(first: $first, after: $after)"),
        ("WorkspaceSwitcherPaginationQuery", "workspaces(first: $first, after: $after)"),
    ],
)
def test_relay_refetches_what_stands_inside_of_a_node(
    built: Project, query: str, expected: str
) -> None:
    """Sheets and the switcher page by a node too."""
    assert expected in _operation(built, query)


def test_the_generated_types_know_every_scalar(built: Project) -> None:
    """No field becomes `any`, in what either compiler writes."""
    client = (built.directory / "generated" / "client" / "graphql.ts").read_text()
    schema = (built.directory / "generated" / "schema.ts").read_text()

    assert "conversationUsage: { totalCount: number" in client
    assert "BigInt: { input: number; output: number; }" in schema
    written = [*built.directory.rglob("generated/*.ts"), *built.directory.rglob("*.graphql.ts")]
    assert len(written) > len(LISTS)
    for file in written:
        assert not re.search(r": any\b|<any>", file.read_text()), file.name


@pytest.mark.parametrize("compiler", ["relay", "codegen"])
def test_a_compiler_complains_of_a_field_that_is_gone(project: Project, compiler: str) -> None:
    """The documents are really checked, and the complaint names the field."""
    _edit(project.schema, "  viewerRole: WorkspaceRole", "  role: WorkspaceRole")

    ended = project.run(compiler)

    assert ended.returncode != 0
    assert "viewerRole" in ended.stdout + ended.stderr


def test_the_types_complain_of_a_field_that_may_be_null_now(project: Project) -> None:
    """A document still fits; the code that uses what it brings does not."""
    _edit(project.schema, "  credits: BigInt!", "  credits: BigInt")

    compiled = [project.run(compiler).returncode for compiler in ("relay", "codegen")]
    checked = project.run("types")

    assert compiled == [0, 0]
    assert checked.returncode != 0
    assert "node.credits' is possibly 'null'" in checked.stdout


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_pages_through_a_list(built: Project, gateway: Gateway, client: str) -> None:
    """Its cache holds each row once, in order; another filter's cursor is refused with a code."""
    printed = built.node("build/run.js", client, gateway.url, gateway.token, world.workspace_id())

    assert json.loads(printed) == {
        "requests": 3,
        "titles": [
            "About poster",
            "Invoices of March",
            "About trailer",
            "100% of_it \\ done",
            "Émile's élan",
        ],
        "total": 5,
        "refusal": {"code": "STALE_CURSOR"},
    }


async def test_a_gateway_answers_every_document(built: Project, gateway: Gateway) -> None:
    """Under its limits, with something in every root field and without one error."""
    written = built.directory / "generated" / "client" / "persisted-documents.json"
    documents: dict[str, str] = json.loads(written.read_text())
    workspace = {"workspaceId": world.workspace_id()}
    tab = next(query for query in documents.values() if "query ConversationsTab(" in query)
    listed = (await gateway.ask(tab, workspace))["data"]["workspace"]["conversationUsage"]
    variables = workspace | {
        "at": "2026-11-01T00:00:00Z",
        "conversationUsageId": listed["edges"][0]["node"]["id"],
        "ids": [world.workspace_id()],
    }
    chart = {"filterBy": {"occurredAt": {"quickPick": "LAST_7_DAYS"}}}

    answers = [
        await gateway.ask(query, variables | (chart if "usageSeries" in query else {}))
        for query in documents.values()
    ]

    assert len(answers) == 13
    assert [answer["errors"] for answer in answers if "errors" in answer] == []
    assert all(all(answer["data"].values()) for answer in answers)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_what_released_apps_ask_for_still_holds(manifest: Path) -> None:
    """Whatever the changelog announces: an app in people's pockets cannot be changed."""
    schema = build_schema(projects.SCHEMA.read_text())
    pinned: dict[str, Any] = json.loads(manifest.read_text())

    assert pinned["operations"]
    for operation in pinned["operations"]:
        body = operation["body"]
        assert operation["id"] == hashlib.sha256(body.encode()).hexdigest(), operation["name"]
        assert validate(schema, parse(body)) == [], operation["name"]


def test_the_lock_names_no_registry() -> None:
    """Packages come from the registry of whoever installs, with the versions and hashes of ours."""
    lock = (projects.HERE / "package-lock.json").read_text()
    package = json.loads((projects.HERE / "package.json").read_text())

    assert '"resolved"' not in lock
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def _operation(project: Project, name: str) -> str:
    """Return the text of an operation that Relay's compiler wrote."""
    artifact = (project.directory / "relay" / "__generated__" / f"{name}.graphql.ts").read_text()
    found = re.search(r'"text": (".*")', artifact)
    assert found is not None
    text: str = json.loads(found[1])
    return text


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
