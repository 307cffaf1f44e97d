"""A job as a file: the document, its predictions, and what it names.

    {"path": "image_generation_jobs/ID", "fields": {...}, "exported_at": "2026-11-21T10:00:00+00:00",
     "predictions": [{"op": ..., ...}], "documents": {"scenes/ID": {...}, "products/ID": null}}

Only `path` and `fields` must be there. A document that is null was not there. Times are ISO 8601. A document as
Firestore's REST API writes it ({"name": ..., "fields": {"status": {"stringValue": ...}}}) is read, too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import Job, JobRef
from pipeline.domain.redaction import redacted
from pipeline.repositories.job_documents import job_of

Fields = Mapping[str, Any]

_TIMES = ("_at", "_until")
"""How the names of fields that hold times end."""


@dataclass(frozen=True)
class ExportedJob:
    """One job, as it stood at `exported_at`."""

    ref: JobRef
    fields: Fields
    exported_at: datetime
    predictions: Sequence[Fields] = ()
    documents: Mapping[str, Fields | None] = field(default_factory=dict)  # None: it is not there
    has_documents: bool = False  # whether somebody has looked for them

    @property
    def job(self) -> Job:
        """As the functions read it."""
        return job_of(self.ref, self.fields)

    def as_json(self, *, with_tokens: bool = False) -> str:
        """The file. Without `with_tokens` its URLs lose what gives access: a replay takes samples for them."""
        whole = {
            "path": self.ref.path,
            "exported_at": self.exported_at,
            "fields": self.fields,
            "predictions": list(self.predictions),
            **({"documents": self.documents} if self.has_documents else {}),
        }
        return (
            json.dumps(whole if with_tokens else without_tokens(whole), indent=2, sort_keys=True, default=_as_text)
            + "\n"
        )


def read_exported_job(path: Path) -> ExportedJob:
    """The job in a file. Raises InvalidRequest with a sentence for what is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("fields"), dict):
        raise InvalidRequest(f"{path} holds no job: one is {{'path': 'image_generation_jobs/ID', 'fields': {{...}}}}.")
    return _exported(_from_rest(content) if "name" in content else content, path)


def without_tokens(value: Any) -> Any:
    """The same without what gives access: queries of URLs, tokens, keys."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {name: without_tokens(inner) for name, inner in value.items()}
    return [without_tokens(inner) for inner in value] if isinstance(value, list | tuple) else value


def _exported(content: Fields, file: Path) -> ExportedJob:
    try:
        ref = JobRef.of_path(str(content.get("path")))
    except KeyError as error:
        raise InvalidRequest(f"{file} holds no job: its 'path' is '{content.get('path')}'.") from error
    if not ref.job_id or "/" in ref.job_id:
        raise InvalidRequest(f"{file} holds no job: its 'path' is '{content.get('path')}'.")
    documents = content.get("documents")
    whole = ExportedJob(
        ref=ref,
        fields=_with_times(content["fields"]),
        exported_at=datetime.now(UTC),
        predictions=[_with_times(one) for one in content.get("predictions") or () if isinstance(one, dict)],
        documents=_with_times(documents) if isinstance(documents, dict) else {},
        has_documents=isinstance(documents, dict),
    )
    exported_at = _with_times({"exported_at": content.get("exported_at")})["exported_at"]
    if not isinstance(exported_at, datetime):  # written by hand, or by somebody else: as fresh as its last write
        exported_at = next(
            (t for n in ("updated_at", "created_at") if isinstance(t := whole.fields.get(n), datetime)), None
        )
    return replace(whole, exported_at=exported_at or whole.exported_at)


def _with_times(value: Any, name: str = "") -> Any:
    """ISO texts under the names of times as times, all the way down."""
    if isinstance(value, dict):
        return {key: _with_times(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_times(inner) for inner in value]
    if isinstance(value, str) and name.endswith(_TIMES):
        return _as_time(value)
    return value


def _as_time(text: str) -> datetime | str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _from_rest(document: Fields) -> Fields:
    """A document of Firestore's REST API. Source: https://firebase.google.com/docs/firestore/reference/rest/v1/Value"""
    path = "/".join(str(document["name"]).split("/")[-2:])
    return {"path": path, "fields": {name: _plain(value) for name, value in document["fields"].items()}}


def _plain(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    match kind:
        case "nullValue":
            return None
        case "integerValue":
            return int(inner)
        case "doubleValue":
            return float(inner)
        case "timestampValue":
            return _as_time(str(inner))
        case "mapValue":
            return {name: _plain(one) for name, one in inner.get("fields", {}).items()}
        case "arrayValue":
            return [_plain(one) for one in inner.get("values", [])]
        case "stringValue" | "booleanValue" | "bytesValue" | "referenceValue" | "geoPointValue":
            return inner
    return value
