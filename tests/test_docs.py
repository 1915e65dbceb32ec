"""README, changelog and docs: what they claim is so, and what they show works."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from graphql import FieldNode, GraphQLError, SelectionSetNode, build_schema, parse, validate
from pydantic import BaseModel

import billing
import gateway
import resolvers
from billing import catalog_file
from billing.catalog_file import Catalogue, PackEntry, PlanEntry, Referrals
from billing.errors import BillingError
from gateway import environment
from gateway.cli import commands
from resolvers.errors import Code

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CATALOGUE = ROOT / "docs" / "catalogue.md"
CLIENTS = ROOT / "tests" / "clients"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
BY_PATH = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)

# A fenced block and its language; links without an address of the web; a table's first cell.
BLOCK = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)\b")
COMMAND = re.compile(r"(?:`|\$ )gateway ((?:[a-z]+ ?)+)")
CODE = re.compile(r"(?m)^\| `([A-Z0-9_]+)` \|")
# A field of the catalogue: its name, what it may be, its default; the numbers in the second.
FIELD = re.compile(r"(?m)^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \|")
NUMBER = re.compile(r"\b\d[\d,]*\b")


@BY_PATH
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the project, and to a heading that it has."""
    for path, heading in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), path
        assert target.is_relative_to(ROOT), path
        if heading:
            assert heading in headings(target), f"{path}#{heading}"


@BY_PATH
def test_every_task_and_command_exists(page: Path) -> None:
    """What a reader is told to type does something."""
    targets = re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text())
    known = command_names()
    text = code(page.read_text())

    assert [name for name in MAKE.findall(text) if name not in targets] == []
    for words in COMMAND.findall(text):
        # Arguments may follow the command's own one or two words.
        first, *rest = words.split()
        assert first in known, words
        assert not known[first] or (rest and rest[0] in known[first]), words


@BY_PATH
def test_every_query_fits_the_schema(page: Path) -> None:
    """Pasted into GraphiQL, it runs."""
    schema = build_schema((ROOT / "schema.graphql").read_text())

    for language, text in BLOCK.findall(page.read_text()):
        if language == "graphql":
            assert problems(schema, text) == [], text


@BY_PATH
def test_every_snippet_is_code_that_the_tests_run(page: Path) -> None:
    """A part of a file that is compiled, but for how far it is indented."""
    sources = [
        unindented(file.read_text())
        for file in CLIENTS.rglob("*")
        if file.suffix in {".ts", ".tsx", ".json"} and "node_modules" not in file.parts
    ]

    for language, text in BLOCK.findall(page.read_text()):
        if language in {"ts", "tsx"} or (language == "json" and "relay-compiler" in text):
            assert any(unindented(text) in source for source in sources), text


def test_the_settings_of_the_readme_are_all_there_are() -> None:
    """`gateway settings` prints what belongs between its marks."""
    between = re.search(r"(?s)<!-- settings -->\n(.*)<!-- /settings -->", README.read_text())

    assert between is not None
    assert between[1] == environment.table(), environment.table()


def test_the_answer_in_the_readme_answers_its_query() -> None:
    """Field for field, in the order of the query."""
    blocks = dict(BLOCK.findall(README.read_text()))
    query = parse(blocks["graphql"]).definitions[0]
    answer: dict[str, Any] = json.loads(blocks["json"])

    assert set(answer) == {"data"}
    assert unlike(query.selection_set, answer["data"]) == []  # type: ignore[attr-defined] # a query


def test_every_code_of_an_error_is_documented() -> None:
    """And no other: a client looks its code up in one place."""
    _, _, text = (ROOT / "docs" / "schema.md").read_text().partition("\n## Errors\n")

    assert set(CODE.findall(text)) == {*map(str, Code), *(each.code for each in refusals())}


def test_the_rules_of_billing_are_documented_in_their_own_words() -> None:
    """Each line is a refusal's code and what its docstring says, by code."""
    text = (ROOT / "docs" / "schema.md").read_text()
    of_queries, _, rest = text.partition("<!-- billing -->\n")
    table, _, _ = rest.partition("<!-- /billing -->")

    expected = ["| code | when |\n", "|---|---|\n"]
    for refusal in sorted(refusals(), key=lambda each: each.code):
        if refusal.code not in CODE.findall(of_queries):
            summary = " ".join((refusal.__doc__ or "").partition("\n\n")[0].split())
            expected.append(f"| `{refusal.code}` | {summary} |\n")
    assert table == "".join(expected), "".join(expected)


@pytest.mark.parametrize(
    ("heading", "entry"),
    [
        ("The file", Catalogue),
        ("`[[plans]]`", PlanEntry),
        ("`[credit_pack]`", PackEntry),
        ("`[referrals]`", Referrals),
    ],
)
def test_the_fields_of_the_catalogue_are_documented(heading: str, entry: type[BaseModel]) -> None:
    """Each once and no other, in the order of the code, with its default and its limits."""
    _, _, text = CATALOGUE.read_text().partition(f"\n### {heading}\n")
    section, _, _ = text.partition("\n### ")

    documented = [
        (name, NUMBER.findall(value), default) for name, value, default in FIELD.findall(section)
    ]
    assert documented == fields(entry), fields(entry)


def test_the_catalogue_in_the_docs_is_one_that_has_every_field() -> None:
    """A reader may copy it, and finds in it how each field is written."""
    catalogue = catalog_file.parse(dict(BLOCK.findall(CATALOGUE.read_text()))["toml"])

    assert catalogue.model_fields_set == set(Catalogue.model_fields)
    in_plans = set().union(*(plan.model_fields_set for plan in catalogue.plans))
    assert in_plans == set(PlanEntry.model_fields)
    assert catalogue.referrals.model_fields_set == set(Referrals.model_fields)


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def unindented(text: str) -> str:
    """Return a text whose lines all begin at the margin."""
    return re.sub(r"(?m)^ +", "", text)


def code(text: str) -> str:
    """Return the shell's lines and what stands in backticks: not what only reads like code."""
    blocks = [body for language, body in BLOCK.findall(text) if language in {"console", "sh"}]
    prose = BLOCK.sub("", text)
    return "\n".join([*blocks, *re.findall(r"`[^`\n]+`", prose)])


def command_names() -> dict[str, set[str]]:
    """Return the commands of the command line, each with its subcommands."""
    group = typer.main.get_group(commands)
    return {name: set(getattr(command, "commands", ())) for name, command in group.commands.items()}


def fields(entry: type[BaseModel]) -> list[tuple[str, list[str], str]]:
    """Return the fields of a table of the catalogue: name, limits and default as the docs say."""
    schema = entry.model_json_schema()["properties"]
    return [
        (name, list(limits(schema[name])), default_of(entry, name)) for name in entry.model_fields
    ]


def limits(schema: Any) -> Iterator[str]:
    """Yield the least and the most that a value may be, or its most characters."""
    if "pattern" in schema:
        longest = re.search(r"\{0,(\d+)\}", schema["pattern"])
        if longest is not None:
            yield str(int(longest[1]) + 1)
    for name in ("minimum", "maximum", "maxLength"):
        if name in schema:
            yield f"{schema[name]:,}"
    for below in (
        schema.get("items"),
        schema.get("additionalProperties"),
        *schema.get("anyOf", ()),
    ):
        if below:
            yield from limits(below)


def default_of(entry: type[BaseModel], name: str) -> str:
    """Return what the docs call a field's default: nothing at all, or a word of TOML."""
    field = entry.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{json.dumps(value)}`" if isinstance(value, int) else "none"


def problems(schema: Any, text: str) -> list[str]:
    """Return what is wrong with a document."""
    try:
        return [error.message for error in validate(schema, parse(text))]
    except GraphQLError as error:
        return [error.message]


def unlike(selections: SelectionSetNode, answer: dict[str, Any]) -> list[str]:
    """Return the paths at which an answer has other fields than were selected."""
    fields = {
        selection.alias.value if selection.alias else selection.name.value: selection
        for selection in selections.selections
        if isinstance(selection, FieldNode)
    }
    if list(fields) != list(answer):
        return [f"{list(fields)} but {list(answer)}"]
    found = []
    for name, field in fields.items():
        values = answer[name] if isinstance(answer[name], list) else [answer[name]]
        for value in values:
            if field.selection_set and value is not None:
                found += [f"{name}: {each}" for each in unlike(field.selection_set, value)]
    return found


def refusals() -> list[type[BillingError]]:
    """Return every refusal with a code of its own."""
    packages = (billing, resolvers, gateway)
    for package in packages:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    names = tuple(f"{package.__name__}." for package in packages)
    return [
        refusal
        for refusal in subclasses(BillingError)
        if "code" in vars(refusal) and refusal.__module__.startswith(names)
    ]


def subclasses(class_: type[BillingError]) -> Iterator[type[BillingError]]:
    """Yield every class below a class."""
    for below in class_.__subclasses__():
        yield below
        yield from subclasses(below)
