"""What a model says of its fields: their types, whether they may be missing, their limits, the comments beside them.

A model is a TypedDict, a pydantic model, or a dataclass (which stands in documents as `asdict` writes it).
"""

import ast
import inspect
import io
import sys
import tokenize
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from types import ModuleType
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

NO_DEFAULT = object()


@dataclass(frozen=True)
class ModelField:
    """One field. `limits` are named like the attributes of HTML's inputs; `above` is a number that it may not be."""

    name: str
    annotation: Any
    is_optional: bool = False
    comment: str = ""
    default: Any = NO_DEFAULT
    limits: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """`fields` are its own, without those of its `parents`."""

    python: type[Any]
    doc: str
    parents: tuple[type[Any], ...]
    fields: tuple[ModelField, ...]


def is_model(python: Any) -> bool:
    """Whether it is a class that stands for a map in a document."""
    is_class = isinstance(python, type) and python is not BaseModel
    return is_class and (typing.is_typeddict(python) or is_dataclass(python) or issubclass(python, BaseModel))


def read_model(python: type[Any]) -> Model:
    """All that its source and its annotations say of it."""
    module = sys.modules[python.__module__]
    tree, comments = _parsed(module)
    node = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == python.__name__)
    hints = typing.get_type_hints(python, include_extras=True)
    parents = [vars(module).get(base.id) for base in node.bases if isinstance(base, ast.Name)]
    found = [
        _field(
            python, name, hints[name], [*_aliases(module, statement.annotation), *_beside(node, statement, comments)]
        )
        for name, statement in _statements(node)
    ]
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    return Model(python, doc, tuple(parent for parent in parents if is_model(parent)), tuple(found))


def has_default(one: Field[Any]) -> bool:
    """Whether a field of a dataclass may be missing: in what was begun only, or was written by an earlier version."""
    return one.default is not MISSING or one.default_factory is not MISSING


def doc_of(module: ModuleType, name: str) -> str:
    """The docstring below an assignment at the top of a module."""
    tree, _ = _parsed(module)
    return _docs_of_names(tree).get(name, "")


def _statements(node: ast.ClassDef) -> Iterator[tuple[str, ast.AnnAssign]]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement


def _field(python: type[Any], name: str, annotation: Any, comments: list[str]) -> ModelField:
    limits = dict(_limits(annotation))
    is_optional, default = name in getattr(python, "__optional_keys__", ()), NO_DEFAULT
    if is_dataclass(python):
        is_optional = has_default(next(one for one in fields(python) if one.name == name))
    if issubclass(python, BaseModel):
        info = python.model_fields[name]
        is_optional, default = not info.is_required(), info.get_default() if not info.is_required() else NO_DEFAULT
        limits |= dict(_limits_in(info.metadata))
    return ModelField(name, annotation, is_optional, "; ".join(filter(None, comments)), default, limits)


def _limits(annotation: Any) -> Iterator[tuple[str, int | float]]:
    """Those of the value itself, also where it may be null; not those of a list's entries."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _limits(arguments[0])
        yield from _limits_in(arguments[1:])
    elif origin in (typing.Union, types.UnionType, typing.NotRequired, typing.Required):
        for one in arguments:
            yield from _limits(one)


def _limits_in(metadata: Any) -> Iterator[tuple[str, int | float]]:
    for entry in metadata:
        match entry:
            case FieldInfo():
                yield from _limits_in(entry.metadata)
            case StringConstraints() if entry.pattern is None:  # else its length is the least that is asked of it
                yield from ((name, value) for name, value in _lengths(entry) if value is not None)
            case Ge(limit) | Le(limit) | Gt(limit) | Lt(limit):
                yield {Ge: "min", Le: "max", Gt: "above", Lt: "below"}[type(entry)], limit
            case MinLen(limit) | MaxLen(limit):
                yield {MinLen: "minLength", MaxLen: "maxLength"}[type(entry)], limit


def _lengths(constraints: StringConstraints) -> Iterator[tuple[str, int | None]]:
    yield "minLength", constraints.min_length
    yield "maxLength", constraints.max_length


@cache
def _parsed(module: ModuleType) -> tuple[ast.Module, Mapping[int, str]]:
    """The module's tree, and its comments by the numbers of their lines."""
    source = inspect.getsource(module)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    return ast.parse(source), comments


def _beside(node: ast.ClassDef, statement: ast.AnnAssign, comments: Mapping[int, str]) -> Iterator[str]:
    """The comment at the end of a field's line, or the docstring below it."""
    if comment := comments.get(statement.end_lineno or 0):
        yield comment
    following = node.body[node.body.index(statement) + 1 :]
    if following and (doc := _text(following[0])):
        yield doc.rstrip(".")


def _aliases(module: ModuleType, annotation: ast.expr) -> Iterator[str]:
    """What is said of the limited types that an annotation names: their names are lost in TypeScript."""
    for part in ast.walk(annotation):
        known = vars(module).get(part.id) if isinstance(part, ast.Name) else None
        if isinstance(part, ast.Name) and typing.get_origin(known) is Annotated:
            yield doc_of(_home(module, part.id), part.id).rstrip(".")


def _home(module: ModuleType, name: str) -> ModuleType:
    """The module that a name was imported from."""
    tree, _ = _parsed(module)
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and any((one.asname or one.name) == name for one in statement.names):
            return sys.modules[statement.module or ""]
    return module


def _docs_of_names(tree: ast.Module) -> Mapping[str, str]:
    docs = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if targets and isinstance(targets[0], ast.Name) and (doc := _text(following)):
            docs[targets[0].id] = doc
    return docs


def _text(statement: ast.stmt) -> str:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return inspect.cleandoc(statement.value.value) if is_text and isinstance(statement.value.value, str) else ""
