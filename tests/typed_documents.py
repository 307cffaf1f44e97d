"""Whole documents against their types: a field that the types lack, or that is of another type, is an error."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, NotRequired

import typing_extensions
from pydantic import BaseModel, ConfigDict, TypeAdapter

from localdev.typescript.jobs import STATES, State
from localdev.typescript.models import has_default
from pipeline.domain import job_fields
from pipeline.domain.errors import error_codes
from pipeline.domain.jobs import JobKind
from pipeline.domain.requests import REQUEST_MODELS
from pipeline.domain.results import RESULTS

Fields = Mapping[str, Any]


def check_job(kind: JobKind, document: Fields) -> None:
    """Raises pydantic's ValidationError where a job's document is not as its types say."""
    _job_adapter(kind, _state_of(document)).validate_python(dict(document))


def check_document(python: Any, document: Fields) -> None:
    """The same of a document of one type."""
    _adapter(python).validate_python(dict(document))


def _state_of(document: Fields) -> State:
    states = [state for state in STATES if state.status == document.get("status")]
    return next(state for state in states if state.dry_run in (None, document.get("dry_run", False)))


@cache
def _job_adapter(kind: JobKind, state: State) -> TypeAdapter[Any]:
    """As the TypeScript has it: what was made takes the place of what was asked for, once all of it is there."""
    asked, made = _fields(REQUEST_MODELS[kind]), _fields(RESULTS[kind])
    maybe = reduce(or_, (_optional(_fields(python)) for python in state.maybe), {})
    no_error = {} if state.has_error else {"error": NotRequired[None], "error_message": NotRequired[None]}
    always = reduce(or_, map(_fields, state.always), {})
    results = made if state.has_results else {n: one for n, one in _optional(made).items() if n not in asked}
    told = {"status": Literal[state.status.value]}
    fields = {**_fields(job_fields.CreatedFields), **no_error, **maybe, **asked, **results, **always, **told}
    return TypeAdapter(_typed_dict(f"{kind}_{state.name}", fields))


@cache
def _adapter(python: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_strict(python))


def _fields(python: Any) -> dict[str, Any]:
    """The fields of a model, strict; those that may be missing are NotRequired."""
    hints = typing.get_type_hints(python, include_extras=True)
    if typing.is_typeddict(python):
        return {name: _as_required(_strict(hint), name in python.__required_keys__) for name, hint in hints.items()}
    if dataclasses.is_dataclass(python):
        return {n.name: _as_required(_strict(hints[n.name]), not has_default(n)) for n in dataclasses.fields(python)}
    return {n: _as_required(_strict(hints[n]), info.is_required()) for n, info in python.model_fields.items()}


def _optional(fields: Fields) -> dict[str, Any]:
    return {name: _as_required(hint, False) for name, hint in fields.items()}


def _as_required(hint: Any, is_required: bool) -> Any:
    bare = typing.get_args(hint)[0] if typing.get_origin(hint) is NotRequired else hint
    return bare if is_required else NotRequired[bare]


def _strict(hint: Any) -> Any:
    """The type of a value as it is found in Firestore, nothing more and nothing else in it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is job_fields.ErrorCode:
        return Literal[tuple(error_codes())]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Literal[tuple(str(one) for one in hint)]
    if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint) or _is_pydantic(hint):
        return _typed_dict(hint.__name__, _fields(hint))
    if origin is Annotated:
        return Annotated[(_strict(arguments[0]), *arguments[1:])]
    if origin in (typing.Union, types.UnionType):
        return reduce(or_, map(_strict, arguments))
    if origin is NotRequired:
        return NotRequired[_strict(arguments[0])]
    if origin in (list, tuple):
        return list[_strict(arguments[0])]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _strict(arguments[1])]
    return hint


def _is_pydantic(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _typed_dict(name: str, fields: Fields) -> Any:
    """One that pydantic takes: below Python 3.12 it does not take those of `typing`."""
    made = typing_extensions.TypedDict(name, dict(fields))  # noqa: UP013  its fields are worked out
    made.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    return made
