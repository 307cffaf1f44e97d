"""Jobs in the middle of their work, as one version left them: kept in a file, and put back for another to finish.

A file holds the documents, the files that later turns read, and the predictions that Replicate had. When it is put
back, its times are moved to now, and the addresses in it are those of the servers of now.
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.cloud import firestore

from localdev.stack.object_stores import LocalR2
from localdev.stub_replicate import StubReplicate
from localdev.stub_replicate.predictions import Prediction
from pipeline.repositories.job_documents import CLAIMED

FOLDER = Path(__file__).parent / "mid_flight"
TIME = "$time"
REPLICATE, R2 = "http://replicate.test", "http://r2.test/media"
COLLECTIONS = (
    *("image_generation_jobs", "video_generation_jobs", "multi_video_jobs", "composition_jobs", "predictions"),
    *("scenes", "usage", "requests"),
)
KEPT_FILES = ("sources/", "/parts/")
"""What later turns read."""


@dataclass(frozen=True)
class Place:
    """Where jobs live."""

    client: firestore.Client
    replicate: StubReplicate
    r2: LocalR2

    def addresses(self) -> dict[str, str]:
        return {self.replicate.base_url: REPLICATE, self.r2.public_base_url: R2}


def keep(place: Place, commit: str, jobs: Mapping[str, str]) -> Path:
    """Write down all that there is."""
    predictions = place.replicate.predictions.values()
    found = {
        "commit": commit,
        "kept_at": datetime.now(UTC),
        "jobs": dict(jobs),
        "documents": dict(_documents(place.client)),
        "predictions": {one.id: {"model": one.model, "input": one.input} for one in predictions},
        "files": dict(_files(place.r2)),
    }
    text = json.dumps(found, indent=1, sort_keys=True, default=_encoded)
    for here, anywhere in place.addresses().items():
        text = text.replace(here, anywhere)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{commit}.json"
    path.write_text(text + "\n")
    return path


def put_back(path: Path, place: Place, outputs: Mapping[str, Path]) -> dict[str, str]:
    """Everything as it was, now; only Replicate is done meanwhile, with one of `outputs`: a .png, a .mp4.

    Returns the paths of the jobs, by their names.
    """
    text = path.read_text()
    for here, anywhere in place.addresses().items():
        text = text.replace(anywhere, here)
    found = json.loads(text, object_hook=_decoded)
    later = datetime.now(UTC) - found["kept_at"]
    for key, content in found["files"].items():
        place.r2.client.put_object(Bucket=place.r2.bucket, Key=key, Body=base64.b64decode(content))
    for name, one in found["predictions"].items():
        _succeed(place.replicate, Prediction(name, one["model"], one["input"], None, None, time.time(), None), outputs)
    for document, fields in found["documents"].items():
        reference = place.client.document(document)
        reference.set(_moved(fields, later))
        if CLAIMED in fields:
            reference.update({CLAIMED: reference.get().create_time})
    return dict(found["jobs"])


def _succeed(replicate: StubReplicate, prediction: Prediction, outputs: Mapping[str, Path]) -> None:
    """Replicate has it, was paid for it, and has made it."""
    media_type, path = (
        ("video/mp4", outputs[".mp4"]) if "seedance" in prediction.model else ("image/png", outputs[".png"])
    )
    name = f"{prediction.id}/out-0{path.suffix}"  # as the stand-in calls it, and records of earlier versions do
    replicate.files[name] = (media_type, path.read_bytes())
    url = f"{replicate.base_url}/files/{name}"
    prediction.output = url if media_type == "video/mp4" else [url]
    prediction.status, prediction.started_at, prediction.completed_at = "succeeded", time.time(), time.time()
    prediction.ended.set()
    replicate.predictions[prediction.id] = prediction
    replicate.creates += 1


def _documents(client: firestore.Client) -> Any:
    for collection in COLLECTIONS:
        for snapshot in client.collection(collection).stream():
            yield snapshot.reference.path, snapshot.to_dict()
    for name in ("usage", "videos", "clips"):
        for snapshot in client.collection_group(name).stream():
            yield snapshot.reference.path, snapshot.to_dict()


def _files(r2: LocalR2) -> Any:
    for entry in r2.client.list_objects_v2(Bucket=r2.bucket).get("Contents", []):
        if any(part in entry["Key"] for part in KEPT_FILES):
            body = r2.client.get_object(Bucket=r2.bucket, Key=entry["Key"])["Body"].read()
            yield entry["Key"], base64.b64encode(body).decode()


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return {TIME: value.astimezone(UTC).isoformat()}
    raise TypeError(value)


def _decoded(fields: dict[str, Any]) -> Any:
    return datetime.fromisoformat(fields[TIME]) if fields.keys() == {TIME} else fields


def _moved(value: Any, later: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + later
    if isinstance(value, dict):
        return {name: _moved(one, later) for name, one in value.items()}
    return [_moved(one, later) for one in value] if isinstance(value, list) else value
