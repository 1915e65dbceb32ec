"""The settings as the environment of a process says them: read, explained, and listed.

`load` refuses what it does not know, so that a misspelt limit is never a limit that silently does
not hold.
"""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from gateway.settings import PREFIX, Settings


class SettingsError(Exception):
    """Settings that cannot be used: one line a mistake, each begins with its variable."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def load(environment: Mapping[str, str] = os.environ, **changes: Any) -> Settings:
    """Return the settings of this process's environment, `changes` (fields by name) before it.

    `environment` is where misspelt variables are looked for. Raises SettingsError.
    """
    known = {variable(name) for name in Settings.model_fields}
    mistakes = [
        _unknown(name, known)
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]
    if mistakes:
        raise SettingsError(mistakes)
    try:
        return Settings(**changes)
    except ValidationError as error:
        raise SettingsError([_explain(detail) for detail in error.errors()]) from None


def variable(name: str) -> str:
    """Return the environment variable of the field `name`."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def table() -> str:
    """Return every setting as a Markdown table: variable, default, meaning."""
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{variable(name)}` | {_shown_default(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _unknown(name: str, known: set[str]) -> str:
    bare = name.upper().removeprefix(PREFIX)
    if bare in known:
        return f"{name}: unknown setting, did you mean {bare}?"
    close = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.75)
    return f"{name}: unknown setting" + (f", did you mean {close[0]}?" if close else "")


def _explain(detail: ErrorDetails) -> str:
    """Return one line: the variable, what is wrong, and the value unless it could be a secret."""
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    first = str(detail["loc"][0])
    name = variable(first) if first in Settings.model_fields else first
    shown = "" if detail["type"] == "value_error" or _is_secret(first) else _quoted(detail)
    return f"{name}: {message[0].lower()}{message[1:]}{shown}"


def _is_secret(name: str) -> bool:
    return any(
        "SecretStr" in str(field.annotation)
        for field_name, field in Settings.model_fields.items()
        if name in (field_name, variable(field_name))
    )


def _quoted(detail: ErrorDetails) -> str:
    return f" (it is {str(detail['input'])[:100]!r})"


def _shown_default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default is PydanticUndefined or default == ():
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{default}`"
