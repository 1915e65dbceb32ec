"""The check of the schema's changes, in repositories of git as developers have them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway import schema_check
from resolvers import changes
from resolvers.changes import Change

SCHEMA = '''
"""The root."""
type Query {
  workspace(id: ID!): Workspace
  find(filterBy: Filter): Found
}

interface Node { id: ID! }

type Workspace implements Node {
  id: ID!
  name: String!
  viewerRole: Role
  share: Float
}

type Plan { name: String! }

union Found = Workspace | Plan

enum Role { OWNER MEMBER }

input Filter { name: String, role: Role = OWNER }
'''
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- `Workspace.viewerRole` tells the role.

## [1.0.0] - 2026-01-31

### Breaking

- `Workspace.name` is gone.
"""


@dataclass(frozen=True)
class Repository:
    """A repository of git with a schema and a changelog."""

    directory: Path

    def write(self, schema: str, changelog: str = CHANGELOG) -> None:
        """Change the work tree."""
        (self.directory / "schema.graphql").write_text(schema)
        (self.directory / "CHANGELOG.md").write_text(changelog)

    def commit(self, schema: str, changelog: str = CHANGELOG) -> None:
        """Change the work tree and commit it."""
        self.write(schema, changelog)
        self.git("add", ".")
        self.git("commit", "--allow-empty", "--message", "Change the schema")

    def git(self, *arguments: str) -> None:
        """Run git as somebody whom the machine does not know."""
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        command = ["git", *identity, *arguments]
        subprocess.run(command, cwd=self.directory, capture_output=True, check=True)  # noqa: S603

    def check(self, *arguments: str) -> Result:
        """Run the check as a command in the repository."""
        commands = typer.Typer()
        commands.command()(schema_check.command)
        before = Path.cwd()
        os.chdir(self.directory)
        try:
            return CliRunner().invoke(commands, arguments)
        finally:
            os.chdir(before)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository whose last commit holds the schema."""
    if shutil.which("git") is None and not os.environ.get("CI"):
        pytest.skip("there is no git")
    # Neither the repository of a hook that runs the tests nor a developer's own configuration.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    made.commit(SCHEMA)
    return made


def announcing(*coordinates: str) -> str:
    """Return a changelog whose unreleased part names these as breaking."""
    entries = "\n".join(f"- `{coordinate}`: use another." for coordinate in coordinates)
    return CHANGELOG.replace("### Added", f"### Breaking\n\n{entries}\n\n### Added", 1)


# What breaks operations


@pytest.mark.parametrize(
    ("old", "new", "coordinate"),
    [
        ("  viewerRole: Role", "", "Workspace.viewerRole"),
        ("name: String!\n  viewer", "name: String\n  viewer", "Workspace.name"),
        ("workspace(id: ID!)", "workspace(key: ID)", "Query.workspace(id:)"),
        ("workspace(id: ID!)", "workspace(id: ID!, at: Int!)", "Query.workspace(at:)"),
        ("workspace(id: ID!)", "workspace(id: String!)", "Query.workspace(id:)"),
        ("OWNER MEMBER", "OWNER", "Role.MEMBER"),
        ("Workspace | Plan", "Workspace", "Found"),
        ("type Workspace implements Node", "type Workspace", "Workspace"),
        ("input Filter { name: String,", "input Filter { ", "Filter.name"),
        ("input Filter { name: String,", "input Filter { name: String!,", "Filter.name"),
        ("input Filter {", "input Filter { at: Int!", "Filter.at"),
        ("input Filter { name: String, role: Role = OWNER }", "scalar Filter", "Filter"),
        ("input Filter {", "directive @no(if: Int) on FIELD input Filter {", None),
    ],
)
def test_each_kind_of_change_is_told_by_its_coordinate(
    old: str, new: str, coordinate: str | None
) -> None:
    """What an operation may have asked for must still be there, and no null where none was."""
    assert old in SCHEMA

    found = changes.between(SCHEMA, SCHEMA.replace(old, new))

    breaking = [change.coordinate for change in found if change.is_breaking]
    assert breaking == ([] if coordinate is None else [coordinate])


def test_a_directive_that_goes_or_asks_for_more_is_breaking() -> None:
    """Its name and its arguments have coordinates of their own."""
    old = SCHEMA + "directive @kept(a: Int) on FIELD | QUERY\ndirective @gone on FIELD\n"
    new = SCHEMA + "directive @kept(b: Int!) on FIELD\n"

    found = changes.between(old, new)

    coordinates = sorted(change.coordinate for change in found if change.is_breaking)
    assert coordinates == ["@gone", "@kept", "@kept(a:)", "@kept(b:)"]


def test_an_input_that_takes_only_one_field_from_now_on_is_breaking() -> None:
    """Operations that gave two are refused; the other way round nothing breaks."""
    loose = SCHEMA.replace("role: Role = OWNER", "role: Role")
    strict = loose.replace("input Filter {", "input Filter @oneOf {")

    assert [change.coordinate for change in changes.between(loose, strict)] == ["Filter"]
    assert changes.between(strict, loose) == []


def test_a_removed_type_is_told_with_the_fields_that_led_to_it() -> None:
    """GraphQL's own scalars are never what breaks: the field that used one is."""
    found = changes.between(SCHEMA, SCHEMA.replace("  share: Float\n", ""))

    assert found == [Change("Workspace.share", "Field Workspace.share was removed.", True)]


def test_what_clients_have_not_met_before_is_told_but_breaks_nothing() -> None:
    """New words and members surprise old clients; new fields, types and descriptions do not."""
    new = (
        SCHEMA.replace("OWNER MEMBER", "OWNER MEMBER ADMIN")
        .replace("Workspace | Plan", "Workspace | Plan | Pack")
        .replace("The root.", "The root of reading.")
        .replace("viewerRole: Role", "viewerRole: Role!\n  plan: Plan")
        + "type Pack { credits: Int! }"
    )

    found = changes.between(SCHEMA, new)

    assert [(change.coordinate, change.is_breaking) for change in found] == [
        ("Found", False),
        ("Role.ADMIN", False),
    ]


# What the check says


def test_a_breaking_change_of_the_work_tree_fails_the_check(repository: Repository) -> None:
    """It says what broke and what to write; an entry elsewhere in the changelog is none."""
    repository.write(SCHEMA.replace("  viewerRole: Role\n", ""))

    result = repository.check()

    assert result.exit_code == 1
    assert result.output == (
        "schema.graphql against HEAD: 1 breaking, 0 to know of.\n"
        "  BREAKING, unannounced   Field Workspace.viewerRole was removed.\n"
        "\n"
        "1 breaking change is not announced. Say what clients do instead, in CHANGELOG.md:\n"
        "\n"
        "    ## Unreleased\n"
        "\n"
        "    ### Breaking\n"
        "\n"
        "    - `Workspace.viewerRole`: ...\n"
    )


def test_a_breaking_change_that_is_announced_passes(repository: Repository) -> None:
    """The changelog names it under what is unreleased."""
    schema = SCHEMA.replace("  viewerRole: Role\n", "")
    repository.write(schema, announcing("Workspace.viewerRole"))

    result = repository.check()

    assert result.exit_code == 0
    assert "breaking, announced     Field Workspace.viewerRole was removed." in result.output


def test_each_breaking_change_is_announced_by_itself(repository: Repository) -> None:
    """Neither another one nor an older release's announcement covers it."""
    schema = SCHEMA.replace("  viewerRole: Role\n", "").replace("  name: String!\n", "", 1)
    repository.write(schema, announcing("Workspace.viewerRole"))

    result = repository.check()

    assert result.exit_code == 1
    assert "BREAKING, unannounced   Field Workspace.name was removed." in result.output
    assert "breaking, announced     Field Workspace.viewerRole was removed." in result.output


def test_a_breaking_change_stays_one_when_it_is_committed(repository: Repository) -> None:
    """On a clean checkout the last commit is compared with the one before."""
    repository.commit(SCHEMA.replace("  viewerRole: Role\n", ""))

    result = repository.check()

    assert result.exit_code == 1
    assert result.output.startswith("schema.graphql against HEAD~1: 1 breaking")


def test_a_commit_that_leaves_the_schema_alone_hides_none_before_it(
    repository: Repository,
) -> None:
    """The last commit that changed it is the one that counts."""
    schema = SCHEMA.replace("  viewerRole: Role\n", "")
    repository.commit(schema)
    repository.commit(schema)

    result = repository.check()

    assert result.exit_code == 1
    assert "~1: 1 breaking" in result.output


def test_a_break_since_the_last_release_stays_one(repository: Repository) -> None:
    """However many commits there were since, and whatever they did."""
    schema = SCHEMA.replace("  viewerRole: Role\n", "")
    repository.git("tag", "v1.0.0")
    repository.commit(schema)
    repository.commit(schema + "scalar More\n")

    result = repository.check()

    assert result.exit_code == 1
    assert result.output.startswith("schema.graphql against v1.0.0: 1 breaking")


def test_a_release_takes_its_announcements_along(repository: Repository) -> None:
    """They hold before it is tagged, with the next version's name above them; not for ever."""
    schema = SCHEMA.replace("  viewerRole: Role\n", "")
    older = "\n## 1.0.0\n\n### Breaking\n\n- `Workspace.name`: gone.\n"
    announced = announcing("Workspace.viewerRole").replace(
        "## Unreleased", "## [1.1.0] - 2026-02-01"
    )
    repository.git("tag", "v1.0.0")
    repository.commit(schema, announced + older)
    assert repository.check().exit_code == 0

    repository.write(schema.replace("  name: String!\n", "", 1), announced + older)

    assert "BREAKING, unannounced   Field Workspace.name was removed." in repository.check().output


def test_a_branch_can_be_compared_as_a_whole(repository: Repository) -> None:
    """Whatever the last of its commits did."""
    repository.git("tag", "released")
    repository.commit(SCHEMA.replace("  viewerRole: Role\n", ""))
    repository.commit(SCHEMA.replace("  viewerRole: Role\n", "") + "scalar More\n")

    assert repository.check().exit_code == 0
    assert repository.check("--against", "released").exit_code == 1


def test_an_addition_passes_in_silence(repository: Repository) -> None:
    """Nobody's operation notices it."""
    repository.write(SCHEMA.replace("  viewerRole: Role", "  viewerRole: Role\n  size: Int"))

    result = repository.check()

    assert result.exit_code == 0
    assert result.output == ("schema.graphql against HEAD: no change that an operation notices.\n")


def test_what_is_only_to_know_of_passes(repository: Repository) -> None:
    """A new word of an enum is told."""
    repository.write(SCHEMA.replace("OWNER MEMBER", "OWNER MEMBER ADMIN"))

    result = repository.check()

    assert result.exit_code == 0
    assert "to know of              Enum value Role.ADMIN was added." in result.output


def test_no_change_of_ours_goes_out_unannounced() -> None:
    """The project's own schema, against its own last commit."""
    result = Repository(Path(__file__).parents[1]).check()

    assert result.exit_code == 0, result.output


# Where there is nothing to compare with


def test_the_first_commit_passes_and_says_so(repository: Repository) -> None:
    """There is no schema before it."""
    result = repository.check()

    assert result.exit_code == 0
    assert result.output == (
        "Nothing to compare schema.graphql with: "
        "there is no commit HEAD~1 here (a first commit, or a shallow clone).\n"
    )


def test_a_shallow_clone_passes_and_says_so(repository: Repository, tmp_path: Path) -> None:
    """CI systems clone one commit."""
    repository.commit(SCHEMA.replace("  viewerRole: Role\n", ""))
    shallow = Repository(tmp_path / "shallow")
    repository.git("clone", "--quiet", "--depth=1", tmp_path.as_uri(), str(shallow.directory))

    result = shallow.check()

    assert result.exit_code == 0
    assert "there is no commit HEAD~1 here" in result.output


def test_a_tarball_passes_and_says_so(repository: Repository) -> None:
    """It has no history at all."""
    shutil.rmtree(repository.directory / ".git")

    result = repository.check()

    assert result.exit_code == 0
    assert "Nothing to compare schema.graphql with: fatal: not a git repository" in result.output


def test_a_machine_without_git_passes_and_says_so(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no tool that running the gateway needs."""
    monkeypatch.setenv("PATH", str(repository.directory))

    result = repository.check()

    assert result.exit_code == 0
    assert result.output == "Nothing to compare schema.graphql with: there is no git.\n"


def test_a_schema_that_the_last_commit_had_not_passes(repository: Repository) -> None:
    """It is new: nobody has asked it anything."""
    repository.git("rm", "--quiet", "--cached", "schema.graphql")
    repository.git("commit", "--message", "Remove the schema")

    result = repository.check()

    assert result.exit_code == 0
    assert "'schema.graphql' exists on disk, but not in 'HEAD'" in result.output


def test_a_revision_that_was_asked_for_must_be_there(repository: Repository) -> None:
    """Who names one wants to be told, and an option is no revision."""
    for revision in ("no-such-tag", "--help"):
        result = repository.check(f"--against={revision}")

        assert result.exit_code == 2
        assert f"there is no commit {revision} here" in result.output
