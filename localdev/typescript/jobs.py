"""How a job's document is made up: of what was asked for, what was made of it, and what its status brings along."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localdev.typescript.notation import LINE
from pipeline.domain.job_fields import (
    CanceledFields,
    CompleteFields,
    DryRunFields,
    EndFields,
    ErrorFields,
    TurnFields,
)
from pipeline.domain.jobs import JobStatus
from pipeline.domain.requests import REQUEST_MODELS


@dataclass(frozen=True)
class State:
    """What is there in a status: `always`, or `maybe`. With `has_results`, all of them; else those that there are."""

    name: str
    doc: str
    status: JobStatus
    always: tuple[type[Any], ...] = ()
    maybe: tuple[type[Any], ...] = ()
    has_results: bool = False
    dry_run: bool | None = None  # None: either

    @property
    def has_error(self) -> bool:
        return ErrorFields in self.always


STATES = (
    State("Pending", "Nobody has looked at it.", JobStatus.PENDING, (), (TurnFields, EndFields, DryRunFields)),
    State("Processing", "It goes on.", JobStatus.PROCESSING, (TurnFields,), (EndFields, DryRunFields)),
    State(
        "Complete", "It has all its results.", JobStatus.COMPLETE, (CompleteFields,), has_results=True, dry_run=False
    ),
    State("Estimated", "It was only checked.", JobStatus.COMPLETE, (CompleteFields, DryRunFields), dry_run=True),
    State(
        "Failed",
        "It has an error, and what was made before.",
        JobStatus.ERROR,
        (ErrorFields,),
        (TurnFields, DryRunFields),
    ),
    State("Canceled", "Nobody wants it any more.", JobStatus.CANCELED, (CanceledFields,), (DryRunFields,)),
)

TITLES = {kind: model.__name__.removesuffix("Request") for kind, model in REQUEST_MODELS.items()}
"""What the types of each kind are called by."""

NOT_OF_ANOTHER = {"user_id", "request_id", "retry_of", "dry_run"}
"""Fields of a request that another job for the same does not take over."""

NO_ERROR = """\
interface NoError {
  error?: null;
  error_message?: null;
}"""

ASKED_AND_MADE = """\
/** What was asked for, with what was made of it so far. */
type Unfinished<Request, Result> = Request & Partial<Omit<Result, keyof Request>>;

/** What was made takes the place of what was asked for. */
type Finished<Request, Result> = Omit<Request, keyof Result> & Result;"""

JOB_DOCUMENT = """\
/**
 * A job as it is found. After a look at `status` it is known what is there: with `complete` the results (of a
 * `dry_run` what it would cost, and no results), with `error` the error.
 *
 * The request is as its creator wrote it; of a job that was refused as `invalid_argument` it may be anything, and one
 * that had grown too large for a document (`database_refused`) has none any more.
 */
export type JobDocument<Request extends JobRequest, Result> = CreatedFields &
  (
    | (Finished<Request, Result> & FINISHED)
    | (Unfinished<Request, Result> & (UNFINISHED))
  );"""

WRITTEN = """\
/** The same to be written: a time may be `serverTimestamp()`. */
export type Written<Fields> = {
  [Name in keyof Fields]: Timestamp extends Fields[Name] ? Fields[Name] | FieldValue : Fields[Name];
};

/** A job as a client creates it. */
export type NewJobDocument<Request extends JobRequest> = Request &
  Written<Omit<CreatedFields, "status" | "cancel_requested">> & { status: "pending" };"""


def job_declarations() -> Iterator[str]:
    """All that is made up of the models of requests, results and states."""
    yield NO_ERROR
    yield from map(_declared, STATES)
    yield ASKED_AND_MADE
    finished, unfinished = (" | ".join(one.name for one in STATES if one.has_results is has) for has in (True, False))
    yield JOB_DOCUMENT.replace("UNFINISHED", unfinished).replace("FINISHED", finished)
    yield WRITTEN
    for kind, title in TITLES.items():
        document = f"export type {title}Job = JobDocument<{title}Request, {title}Result>;"
        yield f"/** `{kind.collection}/{{job_id}}`. */\n{document}"
        yield f"export type New{title}Job = NewJobDocument<{title}Request>;"
    yield _by_kind("Jobs", "{}Job", "Jobs as they are found.")
    yield _by_kind("NewJobs", "New{}Job", "Jobs as a client creates them.")
    yield _by_kind("Requests", 'Omit<{}Request, "user_id">', "What is asked for, apart from the user who asks.")
    yield "/** A job of any kind. */\nexport type Job = Jobs[JobKind];"
    yield "\n".join(_request_fields())


def _declared(state: State) -> str:
    dry_run = {None: "", True: "; dry_run: true", False: "; dry_run?: false; would_exceed?: null"}[state.dry_run]
    parts = [f'{{ status: "{state.status}"{dry_run} }}', *(fields.__name__ for fields in state.always)]
    if state.maybe:
        parts.append(f"Partial<{' & '.join(fields.__name__ for fields in state.maybe)}>")
    if not state.has_error:
        parts.append("NoError")
    return f"/** {state.doc} */\ntype {state.name} = {' & '.join(parts)};"


def _by_kind(name: str, form: str, doc: str) -> str:
    lines = [f"  {kind}: {form.format(title)};" for kind, title in TITLES.items()]
    return "\n".join([f"/** {doc} */", f"export interface {name} {{", *lines, "}"])


def _request_fields() -> Iterator[str]:
    yield "/** The fields with which something is asked for: those that another job for the same has, too. */"
    yield "export const REQUEST_FIELDS = {"
    for kind, model in REQUEST_MODELS.items():
        names = [f'"{name}",' for name in model.model_fields if name not in NOT_OF_ANOTHER]
        one_line = f"  {kind}: [{' '.join(names).removesuffix(',')}],"
        yield from [one_line] if len(one_line) <= LINE else [f"  {kind}: [", *(f"    {one}" for one in names), "  ],"]
    yield "} as const satisfies { [Kind in JobKind]: readonly (keyof Requests[Kind])[] };"
