"""Where in a TOML text a value is written: Python's parser does not tell.

It is asked instead: the value stands in the first lines that, read alone, hold it. That follows
every way of writing TOML, since the parser itself reads it.
"""

import tomllib
from bisect import bisect_left
from typing import Any

Path = tuple[int | str, ...]
"""The way to a value: keys of tables and places in arrays, the outermost first."""


def line_of(text: str, path: Path) -> int:
    """Return the line, from 1, on which the value at `path` begins, or else what it is in.

    `text` is TOML without a mistake. A value within a value of several lines is on its first.
    """
    lines = text.splitlines()
    while path and not _holds(tomllib.loads(text), path):
        path = path[:-1]
    if not path:
        return 1
    last = bisect_left(
        range(len(lines) + 1), True, key=lambda count: _holds(_read(lines, count)[0], path)
    )
    return _read(lines, last - 1)[1] + 1


def _read(lines: list[str], count: int) -> tuple[dict[str, Any], int]:
    """Return what the first `count` lines hold, and how many of them end a statement."""
    for whole in range(count, 0, -1):
        try:
            return tomllib.loads("\n".join(lines[:whole])), whole
        except tomllib.TOMLDecodeError:
            continue  # they end in the middle of a value
    return {}, 0


def _holds(document: Any, path: Path) -> bool:
    found = document
    for part in path:
        if isinstance(part, int):
            if not isinstance(found, list) or part >= len(found):
                return False
        elif not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True
