"""The TypeScript of our documents: fresh, whole, and true to the types that it is made from."""

import dataclasses
import re
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict

import pytest
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from localdev.typescript.__main__ import TARGET
from localdev.typescript.documents import documents_ts
from localdev.typescript.jobs import TITLES
from localdev.typescript.models import read_model
from localdev.typescript.notation import LINE, Notation, Unwritable, comment, constant, union
from pipeline.domain.documents import ProductFields, SceneFields, StoryboardFields
from pipeline.domain.errors import JobError, error_codes
from pipeline.domain.jobs import JobKind, JobStatus, StepRecord
from pipeline.domain.requests import REQUEST_MODELS
from pipeline.domain.results import RESULTS
from pipeline.domain.transitions import TRANSITIONS
from tests.typed_documents import check_document, check_job

RULES = Path(__file__).parents[2] / "firestore.rules"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


Word = Literal["one", "two"]
Code = NewType("Code", str)
Name = Annotated[str, StringConstraints(max_length=20, pattern="^[a-z]+$")]
"""A name in small letters."""
Short = Annotated[str, Field(min_length=1, max_length=20)]


class Inner(TypedDict):
    """What lies within."""

    at: datetime


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    value: float = 0.5  # of anything


class Parent(TypedDict):
    """A parent, of which
    more is said.

    And more.
    """

    first: str


class Child(Parent):
    name: Name
    """Given by its None."""
    inner: NotRequired[Inner | None]  # None: there is none
    entries: list[Entry]


class Empty(Child):
    """The same."""


class Request(BaseModel):
    text: Short
    part: Annotated[Annotated[float, Field(ge=0, le=1)], Field(ge=0.05)] = 0.4
    seconds: Annotated[float, Field(gt=0, le=60)] | None = None
    entries: tuple[Entry, ...] = Field(min_length=1, max_length=3)
    is_on: bool = True  # http only


def in_typescript(annotation: Any, **named: Any) -> str:
    return Notation({python: name for name, python in named.items()}).type_of(annotation)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, "string"),
        (int, "number"),
        (datetime, "Timestamp"),
        (None, "null"),
        (Any, "unknown"),
        (int | float | None, "number | null"),
        (typing.Optional[str], "string | null"),  # noqa: UP045  the older notation too
        (Literal["a", 'b"', 3], '"a" | "b\\"" | 3'),
        (Short, "string"),
        (NotRequired[Short | None], "string | null"),
        (list[str], "string[]"),
        (list[str | None], "(string | null)[]"),
        (tuple[Inner, ...], "Inner[]"),
        (tuple[int, str], "[number, string]"),
        (Mapping[str, Entry], "Record<string, Entry>"),
        (dict[str, list[int]], "Record<string, number[]>"),
        (list[dict[str, Any]], "Record<string, unknown>[]"),
    ],
)
def test_a_python_type_is_said_in_typescript(annotation: Any, expected: str):
    assert in_typescript(annotation) == expected


@pytest.mark.parametrize("annotation", [Colour, Word, Code, Short])
def test_a_type_with_a_name_is_called_by_it(annotation: Any):
    assert in_typescript(annotation | None if annotation is not Code else annotation, Named=annotation).startswith(
        "Named"
    )
    assert in_typescript(list[annotation], Named=annotation) == "Named[]"


@pytest.mark.parametrize("annotation", [bytes, complex, set[str], Colour, Code, list[Path]])
def test_what_cannot_be_said_is_an_error(annotation: Any):
    with pytest.raises(Unwritable, match="cannot be said"):
        in_typescript(annotation)


def test_a_model_is_an_interface_with_what_is_said_of_its_fields():
    notation = Notation()
    assert notation.interface(Parent).splitlines() == [
        "/**",
        " * A parent, of which more is said.",
        " *",
        " * And more.",
        " */",
        "export interface Parent {",
        "  first: string;",
        "}",
    ]
    assert notation.interface(Child).splitlines() == [
        "export interface Child extends Parent {",
        "  /** A name in small letters; Given by its null. */",
        "  name: string;",
        "  /** null: there is none. */",
        "  inner?: Inner | null;",
        "  entries: Entry[];",
        "}",
    ]
    assert notation.interface(Empty) == "/** The same. */\nexport type Empty = Child;"
    assert notation.mentioned == {"Parent", "Child", "Inner", "Entry"}


def test_limits_and_defaults_of_a_request_are_told():
    assert Notation().interface(Request).splitlines() == [
        "export interface Request {",
        "  /** 1 to 20 characters. */",
        "  text: string;",
        "  /** 0.05 to 1. Default: 0.4. */",
        "  part?: number;",
        "  /** Above 0, at most 60. */",
        "  seconds?: number | null;",
        "  /** 1 to 3 entries. */",
        "  entries: Entry[];",
        "  /** http only. Default: true. */",
        "  is_on?: boolean;",
        "}",
    ]
    assert {one.name: dict(one.limits) for one in read_model(Request).fields if one.limits} == {
        "text": {"minLength": 1, "maxLength": 20},
        "part": {"min": 0.05, "max": 1},
        "seconds": {"above": 0, "max": 60},
        "entries": {"minLength": 1, "maxLength": 3},
    }


def test_a_field_of_a_dataclass_is_always_there_unless_it_has_a_default():
    lines = ["  name: string;", "  /** Of anything. */", "  value?: number;", "}"]
    assert Notation().interface(Entry).splitlines()[-4:] == lines


def test_long_lists_and_comments_are_broken():
    words = [f"word-{number}" for number in range(20)]
    for text in (constant("WORDS", words, ""), union("Word", words, ""), "\n".join(comment(" ".join(words) * 3))):
        assert max(map(len, text.splitlines())) <= LINE
        assert all(word in text for word in words)
    assert comment("ends here */ not there") == ["/** ends here *\\/ not there */"]
    assert comment("") == []


# --- the file -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text() -> str:
    return documents_ts()


def test_what_is_checked_in_is_what_the_models_say(text: str):
    assert TARGET.read_text() == text, "The models have changed: make types"


def test_it_is_as_a_formatter_leaves_it(text: str):
    assert max(map(len, text.splitlines())) <= LINE
    assert not re.search(r"[ \t]$|\t|\n\n\n", text, re.MULTILINE)


def leaves(root: type[JobError]) -> set[type[JobError]]:
    return {root, *(leaf for branch in root.__subclasses__() for leaf in leaves(branch))}


def test_every_error_code_is_there_with_its_meaning(text: str):
    errors = {error for error in leaves(JobError) if error.__module__.startswith("pipeline.")} - {JobError}
    assert {error.code for error in errors} == set(error_codes())
    for error in errors:
        said = (error.__doc__ or "").splitlines()[0]
        retryable = str(error.retryable).lower()
        assert re.search(rf"{re.escape(said)}[^}}]*\n  {error.code}: {{ retryable: {retryable} }},", text), error


def test_what_a_page_goes_through_is_there(text: str):
    def of(name: str) -> list[str]:
        (found,) = re.findall(rf"^export const {name} = \[([^\]]*)\] as const;", text, re.MULTILINE)
        return re.findall(r'"([^"]*)"', found)

    assert of("JOB_STATUSES") == [str(status) for status in JobStatus]
    assert of("ENDED_STATUSES") == [str(status) for status in JobStatus if status.is_terminal]
    assert of("JOB_KINDS") == [str(kind) for kind in JobKind]
    assert of("TRANSITIONS") == list(TRANSITIONS)
    assert of("RESOLUTIONS") == ["480p", "720p", "1080p"]
    for kind in JobKind:
        assert f'\n  {kind}: "{kind.collection}",' in text


def body(text: str, name: str) -> dict[str, str]:
    """The fields of an interface, and their types; `?` at the end of a name that may be missing."""
    (found,) = re.findall(
        rf"^export interface {name}(?: extends [\w, ]+)? {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL
    )
    return dict(re.findall(r"^  (\w+\??): (.*);$", found, re.MULTILINE))


def test_every_field_of_requests_results_and_steps_is_there(text: str):
    for model in (*REQUEST_MODELS.values(), *RESULTS.values(), StepRecord):
        own = {one.name for one in read_model(model).fields}
        assert {name.rstrip("?") for name in body(text, model.__name__)} == own
    step = {one.name for one in dataclasses.fields(StepRecord)}
    assert {name.rstrip("?") for name in body(text, "StepRecord")} == step
    assert body(text, "StepRecord")["started_at?"] == "Timestamp | null"
    assert body(text, "ImageRequest")["scene_id"] == "string"
    assert body(text, "ImageRequest")["seed?"] == "number | null"
    assert body(text, "TurnFields")["steps?"] == "Record<string, StepRecord>"
    assert body(text, "StoryboardFields")["aspect_ratio?"] == "string | null"


def rule(function: str) -> str:
    """The body of a function of the security rules."""
    (found,) = re.findall(rf"function {function}\(.*?\n    }}", RULES.read_text(), re.DOTALL)
    return found


EDITED_RULES = [(StoryboardFields, "isStoryboard"), (SceneFields, "isScene"), (ProductFields, "isProduct")]


@pytest.mark.parametrize("kind", JobKind)
def test_the_rules_know_every_field_of_a_request(kind: JobKind):
    known = set(re.findall(r"'(\w+)'", rule("isNewJob") + rule(f"is{TITLES[kind]}Job")))
    assert REQUEST_MODELS[kind].model_fields.keys() <= known


@pytest.mark.parametrize(("model", "function"), EDITED_RULES)
def test_the_types_know_every_field_that_the_rules_let_a_user_write(model: Any, function: str):
    assert set(re.findall(r"data\.get\('(\w+)'", rule(function))) <= {one.name for one in read_model(model).fields}


@pytest.mark.parametrize(
    ("model", "function", "names"),
    [
        (REQUEST_MODELS[JobKind.IMAGE], "isImageJob", {"text", "style_prompt"}),
        (REQUEST_MODELS[JobKind.VIDEO], "isVideoJob", {"text"}),
        (REQUEST_MODELS[JobKind.COMPOSITION], "isCompositionJob", {"title"}),
        (StoryboardFields, "isStoryboard", {"title", "style"}),
        (SceneFields, "isScene", {"text", "style_prompt"}),
        (ProductFields, "isProduct", {"name"}),
    ],
)
def test_text_may_be_as_long_for_the_rules_as_for_the_types(model: Any, function: str, names: set[str]):
    pattern = r"(?:isText|isWords|noneOrText)\(data\.(?:get\('(\w+)', [^)]*\)|(\w+)), (\d+)\)"
    allowed = {one or other: int(most) for one, other, most in re.findall(pattern, rule(function))}
    lengths = {one.name: one.limits["maxLength"] for one in read_model(model).fields if "maxLength" in one.limits}
    both = allowed.keys() & lengths.keys()
    assert names <= both
    assert {name: allowed[name] for name in both} == {name: lengths[name] for name in both}


# --- that documents can be found wanting ------------------------------------------------------------------------------

CREATED = {"user_id": "u1", "status": "pending", "scene_id": "s1", "text": "A lighthouse"}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"unheard_of": 1}, "unheard_of"),
        ({"text": 7}, "text"),
        ({"seed": "7"}, "seed"),
        ({"created_at": "2026-11-21"}, "created_at"),
        ({"status": "complete"}, "completed_at"),
        ({"status": "error"}, "error"),
        ({"error": {"code": "internal"}}, "error"),
        ({"steps": {"predict": {"done": "yes"}}}, "steps.predict.done"),
        ({"steps": {"predict": {"adjusted": True}}}, "steps.predict.adjusted"),
        ({"stage": "nowhere"}, "stage"),
    ],
)
def test_a_document_that_is_not_as_its_type_is_found_out(change: Mapping[str, Any], wrong: str):
    check_job(JobKind.IMAGE, {**CREATED, "created_at": NOW})
    with pytest.raises(ValidationError) as found:
        check_job(JobKind.IMAGE, {**CREATED, **change})
    assert wrong in {".".join(map(str, error["loc"])) for error in found.value.errors()}


def test_other_documents_are_found_out_too():
    check_document(ProductFields, {"user_id": "u1", "image_url": "https://x.example/a.png"})
    for wrong in ({"image_url": "nonsense"}, {"price": 1}, {"user_id": None}):
        with pytest.raises(ValidationError):
            check_document(ProductFields, {"user_id": "u1", "image_url": "https://x.example/a.png", **wrong})
