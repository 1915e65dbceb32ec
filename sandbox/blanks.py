"""Every object as Stripe sends it before anything is known of it: all fields, mostly null."""

import copy
import json
from pathlib import Path
from typing import Any

from sandbox.errors import Object

_BLANKS: dict[str, Object] = json.loads(Path(__file__).with_name("blanks.json").read_text("utf-8"))


def new(kind: str, **fields: Any) -> Object:
    """Return an object with all fields of its kind; a phase has no `object` field of its own."""
    thing = copy.deepcopy(_BLANKS[kind]) | fields
    return thing if kind == "phase" else {"object": kind} | thing
