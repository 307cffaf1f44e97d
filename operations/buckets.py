"""Where the files of a deployment lie: what functions make, and what users upload.

STORAGE_BACKEND=firebase    both in one bucket
STORAGE_BACKEND=r2          what functions make in R2; uploads in the project's Firebase Storage, as the rules have it
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from operations.deployment import Deployment
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.config import StorageSettings, read_storage
from pipeline.domain.errors import ConfigurationError

UPLOADS = "uploads/"
"""How the keys of everybody's uploads begin."""

USD_PER_GB_MONTH = {"r2": 0.015, "firebase": 0.026}
"""R2's standard storage; Cloud Storage's standard class in a multi-region of the US, its dearest there."""


@dataclass(frozen=True)
class Bucket:
    """One of them. `name` is for people."""

    name: str
    storage: ObjectStorage
    usd_per_gb_month: float


def media_bucket(deployment: Deployment) -> Bucket:
    """Where functions store. Raises ConfigurationError with the name of the setting that is missing."""
    settings = read_storage(deployment.environment)
    if settings.backend == "firebase":  # Google's client of it looks there, and nowhere else but in credentials
        os.environ.setdefault("GOOGLE_CLOUD_PROJECT", deployment.project)
    return Bucket(_name(settings), deployment.library.storage, USD_PER_GB_MONTH[settings.backend])


def uploads_bucket(deployment: Deployment, named: str | None = None) -> Bucket:
    """Where clients upload to. `named`: its name, where no setting tells it. Raises ConfigurationError."""
    settings = read_storage(deployment.environment)
    if settings.backend == "firebase":
        return media_bucket(deployment)
    name = named or deployment.environment.get("STORAGE_BUCKET", "").strip()
    if not name:
        raise ConfigurationError(
            "With STORAGE_BACKEND=r2 users' uploads lie in the bucket of the project's Firebase Storage: name it with "
            "--uploads-bucket (Firebase's console shows it under Storage, without gs://), or set STORAGE_BUCKET."
        )
    return Bucket(f"gs://{name}", _firebase(name, deployment.environment), USD_PER_GB_MONTH["firebase"])


def usd_a_month(bucket: Bucket, size_bytes: int) -> float:
    """What it costs to keep so many bytes there."""
    return size_bytes / 1e9 * bucket.usd_per_gb_month


def _firebase(name: str, environment: Mapping[str, str]) -> ObjectStorage:
    from google.cloud.storage import Client

    from pipeline.adapters.firebase_storage import FirebaseStorage

    base_url = environment.get("STORAGE_DOWNLOAD_BASE_URL") or "https://firebasestorage.googleapis.com"
    return FirebaseStorage(name, base_url, connect=lambda: Client(project=environment.get("GCLOUD_PROJECT")))


def _name(settings: StorageSettings) -> str:
    if settings.backend == "firebase":
        return f"gs://{settings.firebase_bucket}"
    return f"{settings.r2_endpoint_url}/{settings.r2_bucket}"
