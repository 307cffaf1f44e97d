"""What this version of the code stores of its work: the fields of jobs, steps, their outputs and predictions.

`python -m tests.versions.shapes` writes shapes/<version>.json, once a version; a version that was never deployed may be
written again, with --not-deployed.
"""

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NotRequired

from pipeline.domain import job_fields
from pipeline.domain.jobs import JobKind, JobStatus, StepRecord
from pipeline.domain.media import AudioStream, MediaProbe, VideoStream
from pipeline.domain.media_warnings import MediaWarning
from pipeline.domain.predictions import PredictionRecord, PredictionState
from pipeline.domain.results import RESULTS
from pipeline.domain.schema_versions import MIN_READER_VERSION, SCHEMA_VERSION

FOLDER = Path(__file__).parent / "shapes"
HANDLERS = Path(__file__).parents[2] / "functions/pipeline/handlers"
RECORDS = (StepRecord, PredictionRecord, MediaProbe, VideoStream, AudioStream, MediaWarning)
"""Dataclasses that are stored, beside the outputs of steps."""
JOB_FIELDS = ("CreatedFields", "TurnFields", "EndFields", "ErrorFields", "JobErrorFields", "DryRunFields")

Shape = Mapping[str, str]
"""Types by the names of fields; of an enumeration its values by themselves."""
Shapes = Mapping[str, Shape]

ADVICE = """
What functions store has changed, and nothing says which version of the code can read it:

{changes}

Jobs that run while you deploy, or roll back, hold such documents. Decide (docs/versions.md, "Raising the version"):

  1. In pipeline/domain/schema_versions.py raise SCHEMA_VERSION to {next} (unless {now} was never deployed).
  2. Can code of version {previous} go on with such a document? It ignores fields that it does not know, and needs all
     that it knows. Then MIN_READER_VERSION stays. {verdict}
  3. Can this code go on with a document of version {previous}? Fields with a default may be missing. If not, give
     CURRENT an upgrade: {{{previous}: your_function}}.
  4. Write the shapes down: PYTHONPATH=functions python -m tests.versions.shapes{flag}
"""


def current_shapes() -> dict[str, Shape]:
    """The shapes as the code has them now."""
    shapes: dict[str, Shape] = {f"record {record.__name__}": _of_dataclass(record) for record in RECORDS}
    shapes |= {f"job {name}": _of_typed_dict(getattr(job_fields, name)) for name in JOB_FIELDS}
    shapes |= {f"results {kind}": _of_typed_dict(RESULTS[kind]) for kind in JobKind}
    shapes |= {f"values {values.__name__}": _of_enum(values) for values in (JobStatus, PredictionState)}
    shapes["moves of a prediction"] = dict.fromkeys(sorted(set(_moved_fields())), "")
    for step, record in sorted(_steps(), key=lambda found: found[0]):
        shapes[f"step {step}"] = {"recorded as": record.__name__, **_of_dataclass(record)}
    return shapes


def stored_shapes(version: int) -> dict[str, Any] | None:
    """What shapes/<version>.json holds; None: there is none."""
    path = FOLDER / f"{version}.json"
    return json.loads(path.read_text()) if path.exists() else None


def differences(before: Shapes, after: Shapes) -> list[tuple[str, bool]]:
    """What has changed, in words, and whether code that knows `before` can go on with a document of `after`."""
    found: list[tuple[str, bool]] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, {}), after.get(name, {})
        is_closed = name.startswith("values ")  # code that meets a value which it does not know is lost
        found += [(f"{name}: {field} is new", not is_closed) for field in new.keys() - old.keys()]
        found += [(f"{name}: {field} is gone", False) for field in old.keys() - new.keys()]
        changed = [field for field in old.keys() & new.keys() if old[field] != new[field]]
        found += [(f"{name}: {field} is {new[field]}, and was {old[field]}", False) for field in changed]
    return sorted(found)


def advice(changes: list[tuple[str, bool]], version: int = SCHEMA_VERSION) -> str:
    """What whoever has changed a shape has to do."""
    breaking = not all(is_readable for _, is_readable in changes)
    verdict = (
        f"Here it can not: raise MIN_READER_VERSION to {version + 1}."
        if breaking
        else "As far as a program can tell, it can."
    )
    lines = "\n".join(f"  - {text}{'' if readable else '   (older code cannot read it)'}" for text, readable in changes)
    return ADVICE.format(
        changes=lines, now=version, previous=version, next=version + 1, verdict=verdict, flag=" [--not-deployed]"
    )


def _steps() -> Iterator[tuple[str, type]]:
    """Where a step is run, what it is called there, and what its output is recorded as."""
    for module, call in _calls("run_step"):
        name, record = call.args[:2]
        assert isinstance(record, ast.Name), ast.unparse(call)
        if module != "turns":
            found = getattr(importlib.import_module(f"pipeline.handlers.{module}"), record.id)
            yield f"{module}: {ast.unparse(name)}", found


def _moved_fields() -> Iterator[str]:
    """What is written to the record of a prediction when it moves on."""
    for _, call in (*_calls("move"), *_calls("_end")):  # the latter hands them on to `try_move`
        yield from (keyword.arg for keyword in call.keywords if keyword.arg not in (None, "since"))


def _calls(method: str) -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(HANDLERS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and method in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
                yield path.stem, node


def _of_dataclass(record: Any) -> Shape:
    hints = typing.get_type_hints(record)
    return {one.name: _text(hints[one.name], may_be_missing=_has_default(one)) for one in dataclasses.fields(record)}


def _of_typed_dict(python: Any) -> Shape:
    hints = typing.get_type_hints(python, include_extras=True)
    return {name: _text(hint, may_be_missing=name not in python.__required_keys__) for name, hint in hints.items()}


def _of_enum(values: type[Enum]) -> Shape:
    return {str(value): "" for value in values}


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _text(hint: Any, *, may_be_missing: bool) -> str:
    bare = typing.get_args(hint)[0] if typing.get_origin(hint) is NotRequired else hint
    words = "str" if typing.get_origin(bare) is Literal else inspect.formatannotation(bare)  # those are for people
    return re.sub(r"(\w+\.)+", "", words) + (", may be missing" if may_be_missing else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.versions.shapes", description=__doc__)
    parser.add_argument("--not-deployed", action="store_true", help="the version was never deployed: write it again")
    options = parser.parse_args()
    found = {"version": SCHEMA_VERSION, "min_reader": MIN_READER_VERSION, "shapes": current_shapes()}
    if stored_shapes(SCHEMA_VERSION) not in (None, found) and not options.not_deployed:
        print(
            f"Version {SCHEMA_VERSION} is written down already, and was other. Raise SCHEMA_VERSION, or say "
            "--not-deployed if no deployment has ever had it.",
            file=sys.stderr,
        )
        return 1
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{SCHEMA_VERSION}.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"Written: tests/versions/shapes/{SCHEMA_VERSION}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
