"""What a page may go through or look up: statuses, transitions, error codes, collections, limits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from localdev.typescript.models import doc_of, read_model
from localdev.typescript.notation import as_typescript, comment, constant, limits_of, literal, union
from pipeline.domain import clips, documents, job_fields, results, transitions
from pipeline.domain.errors import error_codes
from pipeline.domain.jobs import JobKind, JobStatus
from pipeline.domain.models import IMAGE_MODELS, VIDEO_MODELS
from pipeline.domain.requests import MAX_CLIPS, MAX_SCENES, MAX_SEED

LISTS: Mapping[str, tuple[str, Any, str]] = {
    "JOB_KINDS": ("JobKind", JobKind, "The kinds of job; each has its collection."),
    "JOB_STATUSES": ("JobStatus", JobStatus, "How far a job is."),
    "STAGES": ("Stage", job_fields.Stage, doc_of(job_fields, "Stage")),
    "TRANSITIONS": ("Transition", transitions.Transition, "How one clip of a composition passes into the next."),
}
"""What a page may go through: the list, the type of its entries, those, and what they are."""

UNIONS = {
    "ClipStatus": clips,
    "PromptSource": results,
    "CompositeMethod": results,
    "GenerationState": documents,
    "SceneState": documents,
}
"""Other types of a few words, and the modules in which they stand."""


def constant_declarations(limited: Iterable[type[Any]]) -> Iterator[str]:
    """All of them; the limits of the fields of those models."""
    for name, (entry, values, doc) in LISTS.items():
        yield constant(name, _words(values), doc)
        yield f"export type {entry} = (typeof {name})[number];"
    yield _collections()
    ended = [str(status) for status in JobStatus if status.is_terminal]
    yield constant("ENDED_STATUSES", ended, "With these a job is over, and does not change any more.")
    for name, module in UNIONS.items():
        yield union(name, get_args(getattr(module, name)), doc_of(module, name))
    yield constant("RESOLUTIONS", _resolutions(), "What the models for clips offer; others become the nearest of them.")
    every = "What all models for pictures offer, width to height; any other is allowed."
    yield constant("ASPECT_RATIOS", _aspect_ratios(), every)
    yield _errors()
    yield from _numbers()
    yield _limits(limited)


def named_types() -> dict[Any, str]:
    """The types that are called by a name, and the names."""
    lists = {values: entry for entry, values, _ in LISTS.values()}
    unions = {getattr(module, name): name for name, module in UNIONS.items()}
    return {**lists, **unions, job_fields.ErrorCode: "ErrorCode"}


def _words(values: Any) -> Sequence[str]:
    return [str(value) for value in (values if isinstance(values, type) else get_args(values))]


def _collections() -> str:
    lines = [f'  {kind}: "{kind.collection}",' for kind in JobKind]
    head = ["/** Where jobs are, by their kind. */", "export const JOB_COLLECTIONS = {"]
    return "\n".join([*head, *lines, "} as const satisfies Record<JobKind, string>;"])


def _resolutions() -> Sequence[str]:
    return list(dict.fromkeys(name for model in VIDEO_MODELS.values() for name in model.usd_per_second))


def _aspect_ratios() -> Sequence[str]:
    offered = [model.shapes for model in IMAGE_MODELS.values() if isinstance(model.shapes, tuple)]
    return [ratio for ratio in offered[0] if all(ratio in shapes for shapes in offered)]


def _errors() -> str:
    """Every code with its meaning, and whether another try may succeed."""
    lines = [
        "/** Every code of an error: what it means, and whether the same may succeed at another time. */",
        "export const ERRORS = {",
    ]
    for code, error in error_codes().items():
        lines += comment(as_typescript(error.__doc__ or ""), "  ")
        lines.append(f"  {code}: {{ retryable: {literal(error.retryable)} }},")
    lines += ["} as const;", "", "export type ErrorCode = keyof typeof ERRORS;", ""]
    return "\n".join([*lines, "export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];"])


def _numbers() -> Iterator[str]:
    yield f"/** Of one multi-video job. */\nexport const MAX_SCENES = {MAX_SCENES};"
    yield f"/** Of one composition. */\nexport const MAX_CLIPS = {MAX_CLIPS};"
    yield f"/** The smallest is 0. */\nexport const MAX_SEED = {MAX_SEED};"


def _limits(models: Iterable[type[Any]]) -> str:
    told = "What fields may hold, by type and name: lengths in characters or entries; `above` is not allowed itself."
    lines = [*comment(told), "export const LIMITS = {"]
    for python in models:
        if of_fields := limits_of(read_model(python)):
            lines += [f"  {python.__name__}: {{", *of_fields, "  },"]
    return "\n".join([*lines, "} as const;"])
