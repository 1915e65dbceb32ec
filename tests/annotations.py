"""What stripe-python's source says: its classes, fields and operations, read without importing."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import stripe

_PACKAGE = Path(stripe.__file__).parent


@dataclass(frozen=True)
class Module:
    """A source file of stripe-python: its classes, and where its other names come from."""

    name: str
    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Operation:
    """A method of a service: its verb and path, what it takes and what it returns."""

    method: str
    pattern: re.Pattern[str]
    params: ast.expr | None
    returns: ast.expr
    module: Module


@dataclass(frozen=True)
class Field:
    """A field of a class or a key of a TypedDict."""

    annotation: ast.expr
    required: bool


def parsed(annotation: ast.expr) -> ast.expr:
    """Return an annotation, read if it is written as a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _expression(annotation.value)
    return annotation


@cache
def _expression(text: str) -> ast.expr:
    return parsed(ast.parse(text, mode="eval").body)


def alternatives(annotation: ast.expr) -> list[ast.expr]:
    """Return the members of `A | B | C`."""
    annotation = parsed(annotation)
    if isinstance(annotation, ast.BinOp):
        return [*alternatives(annotation.left), *alternatives(annotation.right)]
    return [annotation]


def literals(inner: ast.expr) -> list[Any]:
    """Return the words of a Literal."""
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def closed(alternatives: list[ast.expr]) -> bool:
    """Tell whether a union lists its words: its `str` only leaves room for later ones."""
    return any(
        isinstance(one, ast.Subscript)
        and is_name(one.value, "Literal")
        and any(isinstance(word, str) and word for word in literals(one.slice))
        for one in alternatives
    )


def is_name(node: ast.expr, name: str) -> bool:
    """Tell whether a node is a name."""
    return isinstance(node, ast.Name) and node.id == name


def fields(node: ast.ClassDef) -> dict[str, Field]:
    """Return what a class of the package declares, by name."""
    found = {}
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = parsed(statement.annotation)
        outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        if not is_name(outer, "ClassVar") and not statement.target.id.startswith("_"):
            optional = is_name(outer, "Optional") or is_name(outer, "NotRequired")
            found[statement.target.id] = Field(annotation, required=not optional)
    return found


@cache
def module(name: str) -> Module:
    """Read a file of the package, e.g. `checkout._session`."""
    name = name.removeprefix("stripe.")
    tree = ast.parse((_PACKAGE / f"{name.replace('.', '/')}.py").read_text("utf-8"))
    classes: dict[str, ast.ClassDef] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe."):
            for alias in node.names:
                imports[alias.asname or alias.name] = (str(node.module), alias.name)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            classes[node.name] = node
    return Module(name, classes, imports)


@cache
def object_classes() -> dict[str, tuple[str, str]]:
    """Return file and class of each kind of object."""
    tree = ast.parse((_PACKAGE / "_object_classes.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            found: dict[str, tuple[str, str]] = ast.literal_eval(node.value)
            return found
    raise AssertionError("stripe-python keeps its object classes elsewhere now")


def operation(method: str, path: str) -> Operation | None:
    """Return the operation with a verb and a path; None when there is none."""
    for known in _operations(path.split("/")[2]):
        if known.method == method.lower() and known.pattern.fullmatch(path):
            return known
    return None


@cache
def _operations(segment: str) -> list[Operation]:
    """Return the operations of the services whose paths begin with a word, plain ones first."""
    found: list[Operation] = []
    for file in sorted(_PACKAGE.rglob("*_service.py")):
        if f'"/v1/{segment}' in file.read_text("utf-8"):
            name = ".".join(file.relative_to(_PACKAGE).with_suffix("").parts)
            found.extend(_methods(module(name)))
    return sorted(found, key=lambda known: known.pattern.pattern.count("[^/]+"))


def _methods(module: Module) -> Iterator[Operation]:
    for service in module.classes.values():
        for method in service.body:
            if not isinstance(method, ast.AsyncFunctionDef) or method.returns is None:
                continue
            for call in ast.walk(method):
                if isinstance(call, ast.Call) and _is_request(call):
                    verb, path = call.args[0], _path(call.args[1])
                    assert isinstance(verb, ast.Constant)
                    pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
                    params = _params(method)
                    yield Operation(str(verb.value), pattern, params, method.returns, module)


def _is_request(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "_request_async"


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _params(method: ast.AsyncFunctionDef) -> ast.expr | None:
    for argument in (*method.args.posonlyargs, *method.args.args):
        if argument.arg == "params":
            return argument.annotation
    return None
