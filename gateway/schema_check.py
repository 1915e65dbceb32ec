"""The check of the schema's changes: none that breaks operations goes out unannounced.

The work tree's `schema.graphql` is compared with the last commit's; where they are the same, the
last commit's is compared with the one before. A breaking change must be named under `### Breaking`
of the changelog's unreleased part, by its coordinate in backticks.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from resolvers.changes import Change

SCHEMA: Final = "schema.graphql"
CHANGELOG: Final = "CHANGELOG.md"

_LAST_COMMITS: Final = ("HEAD", "HEAD~1")
_UNRELEASED: Final = re.compile(r"(?ms)^## \[?Unreleased\]?.*?$(.*?)(?=^## |\Z)")
_BREAKING: Final = re.compile(r"(?ms)^### Breaking\s*?$(.*?)(?=^### |\Z)")
_ADVICE: Final = f"""\
{{count}} not announced. Say what clients do instead, in {CHANGELOG}:

    ## Unreleased

    ### Breaking

    - `{{coordinate}}`: ...
"""


class NothingToCompare(Exception):
    """There is no older schema: the message says why."""


@dataclass(frozen=True, slots=True)
class Older:
    """A schema as a commit holds it."""

    revision: str
    text: str


def command(
    against: Annotated[
        str | None, typer.Option(help="A commit, branch or tag; without it the last commit.")
    ] = None,
) -> None:
    """Fail on breaking changes of schema.graphql that CHANGELOG.md does not announce."""
    from resolvers import changes  # noqa: PLC0415 - takes a while to load

    directory = Path()
    schema = (directory / SCHEMA).read_text()
    try:
        older = older_schema(directory, against=against)
    except NothingToCompare as reason:
        typer.echo(f"Nothing to compare {SCHEMA} with: {reason}")
        raise typer.Exit(0 if against is None else 2) from None

    found = changes.between(older.text, schema)
    said = announced((directory / CHANGELOG).read_text())
    typer.echo(f"{SCHEMA} against {older.revision}: {_count(found)}")
    for change in found:
        typer.echo(f"  {_verdict(change, said):<24}{change.description}")
    silent = [change for change in found if change.is_breaking and change.coordinate not in said]
    if silent:
        count = "1 breaking change is" if len(silent) == 1 else f"{len(silent)} are"
        typer.echo("\n" + _ADVICE.format(count=count, coordinate=silent[0].coordinate), nl=False)
        raise typer.Exit(1)


def older_schema(directory: Path, *, against: str | None = None) -> Older:
    """Return the schema to compare with. Raises NothingToCompare."""
    schema = (directory / SCHEMA).read_text()
    for revision in _LAST_COMMITS if against is None else (against,):
        older = _committed(directory, revision)
        if against is not None or older != schema:
            return Older(revision, older)
    return Older(_LAST_COMMITS[-1], older)


def announced(changelog: str) -> frozenset[str]:
    """Return the coordinates that the changelog's unreleased part names as breaking."""
    unreleased = _UNRELEASED.search(changelog)
    breaking = unreleased and _BREAKING.search(unreleased[1])
    return frozenset(re.findall(r"`([^`\n]+)`", breaking[1]) if breaking else ())


def _committed(directory: Path, revision: str) -> str:
    """Return the schema of a commit. Raises NothingToCompare."""
    commit = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    _git(directory, "rev-parse", "--git-dir")
    if _ran(directory, *commit).returncode != 0:
        raise NothingToCompare(
            f"there is no commit {revision} here (a first commit, or a shallow clone)."
        )
    return _git(directory, "show", f"{revision}:./{SCHEMA}")


def _git(directory: Path, *arguments: str) -> str:
    """Return what git prints. Raises NothingToCompare with what it complains of."""
    ended = _ran(directory, *arguments)
    if ended.returncode != 0:
        raise NothingToCompare(ended.stderr.strip().splitlines()[0])
    return ended.stdout


def _ran(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and a revision is never an option
            ["git", "-C", str(directory), *arguments],  # noqa: S607 - whichever git there is
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise NothingToCompare("there is no git.") from None


def _count(found: list["Change"]) -> str:
    if not found:
        return "no change that an operation notices."
    breaking = sum(change.is_breaking for change in found)
    return f"{breaking} breaking, {len(found) - breaking} to know of."


def _verdict(change: "Change", said: frozenset[str]) -> str:
    if not change.is_breaking:
        return "to know of"
    return "breaking, announced" if change.coordinate in said else "BREAKING, unannounced"
