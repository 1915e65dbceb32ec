"""The check of the schema's changes: none that breaks operations goes out unannounced.

The work tree's `schema.graphql` is compared with that of the last release, a tag such as `v1.2.0`.
Before the first release it is compared with the last commit's; where they are the same, with what
it was before the last commit that changed it. A breaking change must be named under `### Breaking`
of what the changelog says of versions after the release, by its coordinate in backticks.
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

_RELEASES: Final = "v[0-9]*"
_VERSION: Final = re.compile(r"(?ms)^## \[?([^\]\s]+)\]?.*?$(.*?)(?=^## |\Z)")
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
        str | None, typer.Option(help="A commit, branch or tag; without it the last release.")
    ] = None,
) -> None:
    """Fail on breaking changes of schema.graphql that CHANGELOG.md does not announce."""
    from resolvers import changes  # noqa: PLC0415 - takes a while to load

    schema = Path(SCHEMA).read_text(encoding="utf-8")
    try:
        older = _older(schema, against)
    except NothingToCompare as reason:
        typer.echo(f"Nothing to compare {SCHEMA} with: {reason}")
        raise typer.Exit(0 if against is None else 2) from None

    found = changes.between(older.text, schema)
    said = announced(Path(CHANGELOG).read_text(encoding="utf-8"), since=older.revision)
    typer.echo(f"{SCHEMA} against {older.revision}: {_count(found)}")
    for change in found:
        typer.echo(f"  {_verdict(change, said):<24}{change.description}")
    silent = [change for change in found if change.is_breaking and change.coordinate not in said]
    if silent:
        one = len(silent) == 1
        count = "1 breaking change is" if one else f"{len(silent)} breaking changes are"
        typer.echo("\n" + _ADVICE.format(count=count, coordinate=silent[0].coordinate), nl=False)
        raise typer.Exit(1)


def announced(changelog: str, *, since: str) -> frozenset[str]:
    """Return the coordinates that the changelog names as breaking.

    In its unreleased part, and where `since` is a release also in those of later ones: the next
    one's is written before its tag.
    """
    found: set[str] = set()
    versions = _VERSION.findall(changelog)
    if since.removeprefix("v") not in (name for name, _ in versions):
        versions = [(name, text) for name, text in versions if name == "Unreleased"]
    for name, text in versions:
        if name == since.removeprefix("v"):
            break
        for breaking in _BREAKING.findall(text):
            found.update(re.findall(r"`([^`\n]+)`", breaking))
    return frozenset(found)


def _older(schema: str, against: str | None) -> Older:
    """Return the schema to compare with. Raises NothingToCompare."""
    if against is not None:
        return _committed(against)
    release = _ran("describe", "--tags", "--abbrev=0", f"--match={_RELEASES}")
    if release.returncode == 0:
        return _committed(release.stdout.strip())
    last = _committed("HEAD")
    if last.text != schema:
        return last
    changed = _git("log", "-1", "--format=%H", "--", SCHEMA).strip()
    is_last = changed == _git("rev-parse", "HEAD").strip()
    return _committed("HEAD~1" if is_last else f"{changed[:12]}~1")


def _committed(revision: str) -> Older:
    """Return the schema of a commit. Raises NothingToCompare."""
    _git("rev-parse", "--git-dir")
    if _ran("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").returncode != 0:
        raise NothingToCompare(
            f"there is no commit {revision} here (a first commit, or a shallow clone)."
        )
    return Older(revision, _git("show", f"{revision}:./{SCHEMA}"))


def _git(*arguments: str) -> str:
    """Return what git prints. Raises NothingToCompare with what it complains of."""
    ended = _ran(*arguments)
    if ended.returncode != 0:
        raise NothingToCompare(ended.stderr.strip().splitlines()[0])
    return ended.stdout


def _ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and a revision is never an option
            ["git", *arguments],  # noqa: S607 - whichever git there is
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
