"""A Python type as TypeScript, and the declarations of models: formatted as biome would, in lines of 120."""

import json
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from localdev.typescript.models import NO_DEFAULT, Model, ModelField, is_model, read_model

LINE = 120
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", datetime: "Timestamp"}
_WRAPPERS = (Annotated, typing.NotRequired, typing.Required)
_LISTS = (list, tuple, Sequence)
_PYTHON_VALUES = {"None": "null", "True": "true", "False": "false"}
_VALUES = (*_PYTHON_VALUES.values(), "http")


class Unwritable(Exception):
    """A type that has no counterpart here, or a name that nothing declares."""


@dataclass
class Notation:
    """Writes types. `named` are those that are called by a name; models are called after their classes."""

    named: Mapping[Any, str] = field(default_factory=dict)
    renamed: Mapping[type[Any], str] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)  # names that declarations rest on

    def type_of(self, annotation: Any) -> str:
        """The TypeScript of a Python type. Raises Unwritable."""
        if name := self._name(annotation):
            self.mentioned.add(name)
            return name
        if annotation is Any:
            return "unknown"
        if annotation is None:
            return "null"
        if isinstance(annotation, type) and annotation in _PLAIN:
            return _PLAIN[annotation]
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in _WRAPPERS:
            return self.type_of(arguments[0])
        if origin is Literal:
            return " | ".join(map(literal, arguments))
        if origin in (typing.Union, types.UnionType):
            return " | ".join(dict.fromkeys(self.type_of(one) for one in arguments))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"Record<{self.type_of(arguments[0])}, {self.type_of(arguments[1])}>"
        if origin is tuple and arguments[-1:] != (...,):
            return f"[{', '.join(map(self.type_of, arguments))}]"
        if origin in _LISTS:
            entry = self.type_of(arguments[0])
            return f"({entry})[]" if " | " in entry else f"{entry}[]"
        raise Unwritable(f"{annotation!r} cannot be said in TypeScript.")

    def interface(self, python: type[Any]) -> str:
        """The declaration of a model, with what its source says of it."""
        model = read_model(python)
        name, parents = self._name(python), [self.type_of(parent) for parent in model.parents]
        members = [line for one in model.fields for line in self._member(one)]
        if not members:
            declared = [f"export type {name} = {' & '.join(parents)};"]
        else:
            extends = f" extends {', '.join(parents)}" if parents else ""
            declared = [f"export interface {name}{extends} {{", *members, "}"]
        return "\n".join([*comment(as_typescript(model.doc)), *declared])

    def _member(self, one: ModelField) -> list[str]:
        what = f"  {one.name}{'?' if one.is_optional else ''}: {self.type_of(one.annotation)};"
        return [*comment(_told(one), "  "), what]

    def _name(self, annotation: Any) -> str | None:
        try:
            if annotation in self.named:
                return self.named[annotation]
        except TypeError:  # not hashable: nothing that is named
            return None
        return self.renamed.get(annotation, annotation.__name__) if is_model(annotation) else None


def literal(value: Any) -> str:
    """A value as it stands in TypeScript."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return json.dumps(value, ensure_ascii=False)


def comment(text: str, indent: str = "") -> list[str]:
    """The lines of a TSDoc comment; none where there is nothing to say."""
    text = text.replace("*/", "*\\/").strip()
    if not text:
        return []
    if "\n" not in text and len(one_line := f"{indent}/** {text} */") <= LINE:
        return [one_line]
    width = LINE - len(indent) - 3
    paragraphs = (
        textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False) for part in text.split("\n")
    )
    lines = [line for part in paragraphs for line in part or [""]]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def constant(name: str, values: Iterable[str], doc: str) -> str:
    """A list that a page goes through."""
    entries = [literal(value) for value in values]
    line = f"export const {name} = [{', '.join(entries)}] as const;"
    broken = [f"export const {name} = [", *(f"  {entry}," for entry in entries), "] as const;"]
    return "\n".join([*comment(doc), *([line] if len(line) <= LINE else broken)])


def union(name: str, values: Iterable[str], doc: str) -> str:
    """One of some words."""
    entries = [literal(value) for value in values]
    line = f"export type {name} = {' | '.join(entries)};"
    broken = [f"export type {name} =", *(f"  | {entry}" for entry in entries)]
    return "\n".join([*comment(doc), line if len(line) <= LINE else "\n".join(broken) + ";"])


def limits_of(model: Model) -> list[str]:
    """The lines of an object with the limits of a model's fields."""
    lines = []
    for one in model.fields:
        if one.limits:
            told = ", ".join(f"{name}: {literal(value)}" for name, value in one.limits.items())
            lines.append(f"    {one.name}: {{ {told} }},")
    return lines


def as_typescript(text: str) -> str:
    """What is said of a Python value, as it is true of a TypeScript one. Paragraphs stay, their lines do not."""
    text = re.sub(r"\b(None|True|False)\b(?! of)", lambda found: _PYTHON_VALUES[found[1]], text)
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _told(one: ModelField) -> str:
    sentences = filter(None, [as_typescript(one.comment), _limits_told(one), _default_told(one)])
    return " ".join(_capitalized(said) if said.endswith((".", ")")) else f"{_capitalized(said)}." for said in sentences)


def _capitalized(sentence: str) -> str:
    """The sentence with a first letter in upper case, where it begins with a word and not with a value."""
    first = re.match(r"[a-z]+(?=[ ,.:;]|$)", sentence)
    return sentence if first is None or first[0] in _VALUES else f"{sentence[0].upper()}{sentence[1:]}"


def _limits_told(one: ModelField) -> str:
    of, unit = one.limits, "entries" if _is_list(one.annotation) else "characters"
    lengths = _span(of.get("minLength"), of.get("maxLength"), unit)
    if "above" in of or "below" in of:
        bounds = {"above": "above", "below": "below", "min": "at least", "max": "at most"}
        return ", ".join(f"{word} {of[name]}" for name, word in bounds.items() if name in of)
    return lengths or _span(of.get("min"), of.get("max"), "")


def _span(least: float | None, most: float | None, unit: str) -> str:
    if least is None and most is None:
        return ""
    span = f"at most {most}" if least is None else f"at least {least}" if most is None else f"{least} to {most}"
    return f"{span} {unit}".rstrip()


def _is_list(annotation: Any) -> bool:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (*_WRAPPERS, typing.Union, types.UnionType):
        return any(_is_list(one) for one in arguments)
    return origin in _LISTS


def _default_told(one: ModelField) -> str:
    return "" if one.default is NO_DEFAULT or one.default in (None, "") else f"default: {literal(one.default)}"
