"""Every setting, read from the environment in one place and checked before any work.

Plain settings come from `functions/.env` and `functions/.env.<alias>`, secrets from Secret Manager (on the emulator
from `functions/.secret.local`). README.md has the table.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.domain.models import BLEND_MODELS, IMAGE_MODELS, VIDEO_MODELS
from pipeline.domain.quotas import Limits

DEFAULT_REGION = "us-central1"
WEBHOOK_FUNCTION = "handle_replicate_webhook"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(:[0-9]{1,5})?|[a-z][a-z0-9+.-]*://\[[0-9a-f:]+\](:[0-9]{1,5})?")
R2_SECRETS = ("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
R2_SETTINGS = ("R2_ENDPOINT_URL", "R2_BUCKET", "R2_PUBLIC_BASE_URL")
FIREBASE_SETTINGS = ("STORAGE_BUCKET",)
OPENAI_SECRET = "OPENAI_API_KEY"  # noqa: S105  the name of a secret
REPLICATE_SECRET = "REPLICATE_API_TOKEN"  # noqa: S105  likewise
_WRITERS = ("template", ("template", "openai"))  # the default, and all


@dataclass(frozen=True)
class Settings:
    """What a deployment can choose. Times in seconds."""

    region: str
    job_retention_days: int
    lease_seconds: int
    poll_first_seconds: float
    image_inline_wait_seconds: float
    submission_grace_seconds: int
    max_parallel_scenes: int
    image_model: str
    video_model: str
    video_resolution: str
    image_model_fallback: str  # takes over when the first is down; "": none
    video_model_fallback: str
    prompt_writer: Literal["template", "openai"]
    prompt_model: str
    moderation: Literal["off", "on", "required"]  # on: a job goes on when nobody can be asked; required: it does not
    composite_method: Literal["pil", "kontext"]
    kontext_model: str
    kontext_seconds: int  # the longest that a picture waits for Kontext
    kontext_per_minute: int  # of all users together; 0: no limit
    reuse_days: int  # how long the result of the same inputs is used again; 0: never
    prepare_clips: bool  # whether clips are stored in the form that compositions copy
    image_cancel_after_seconds: int
    video_cancel_after_seconds: int
    max_image_bytes: int
    max_clip_bytes: int
    max_audio_bytes: int
    limits: Limits
    metadata_mode: MetadataMode
    webhook_url: str  # where Replicate tells that a prediction has ended; "": nowhere, it is asked
    allowed_http_hosts: frozenset[str]
    cors_origins: frozenset[str]  # of web pages that may call the API; "*": all
    api_check_revoked: bool  # whether the API asks Firebase Auth about the user of each token
    app_check: bool  # whether the API answers only the project's own apps
    tracing: bool  # whether spans are recorded and sent to Cloud Trace
    tracing_share: float  # of all calls and of all jobs, 0 to 1


@dataclass(frozen=True)
class ReplicateSettings:
    """How to reach Replicate."""

    api_token: str
    base_url: str


@dataclass(frozen=True)
class StorageSettings:
    """Where files go. The R2 fields are empty when the backend is Firebase Storage, and the other way round."""

    backend: Literal["r2", "firebase"]
    r2_endpoint_url: str = ""
    r2_bucket: str = ""
    r2_access_key_id: str = ""
    r2_secret_access_key: str = ""
    r2_public_base_url: str = ""
    firebase_bucket: str = ""
    firebase_download_base_url: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings. Raises ConfigurationError with the name of the first that is wrong."""
    return Settings(
        region=environment.get("FUNCTIONS_REGION") or DEFAULT_REGION,
        job_retention_days=_whole(environment, "JOB_RETENTION_DAYS", 30, 1, 3650),
        lease_seconds=_whole(environment, "LEASE_SECONDS", 180, 5, 1800),
        poll_first_seconds=_number(environment, "POLL_FIRST_SECONDS", 5.0, 0.1, 60.0),
        image_inline_wait_seconds=_number(environment, "IMAGE_INLINE_WAIT_SECONDS", 10.0, 0.0, 60.0),
        submission_grace_seconds=_whole(environment, "SUBMISSION_GRACE_SECONDS", 180, 1, 1200),
        max_parallel_scenes=_whole(environment, "MAX_PARALLEL_SCENES", 10, 1, 50),
        image_model=_choice(environment, "IMAGE_MODEL", "black-forest-labs/flux-schnell", IMAGE_MODELS),
        video_model=_choice(environment, "VIDEO_MODEL", "bytedance/seedance-1-lite", VIDEO_MODELS),
        video_resolution=_choice(environment, "VIDEO_RESOLUTION", "720p", ("480p", "720p", "1080p")),
        image_model_fallback=_choice(environment, "IMAGE_MODEL_FALLBACK", "", ("", *IMAGE_MODELS)),
        video_model_fallback=_choice(environment, "VIDEO_MODEL_FALLBACK", "", ("", *VIDEO_MODELS)),
        prompt_writer="openai" if _choice(environment, "PROMPT_WRITER", *_WRITERS) == "openai" else "template",
        prompt_model=environment.get("PROMPT_MODEL") or "gpt-5.6-luna",
        moderation=_moderation(environment),
        composite_method=_composite_method(environment),
        kontext_model=_choice(environment, "KONTEXT_MODEL", "black-forest-labs/flux-kontext-pro", BLEND_MODELS),
        kontext_seconds=_whole(environment, "KONTEXT_SECONDS", 60, 5, 600),
        kontext_per_minute=_whole(environment, "KONTEXT_PER_MINUTE", 60, 0, 600),
        reuse_days=_whole(environment, "REUSE_DAYS", 7, 0, 365),
        prepare_clips=_is_on(environment, "PREPARE_CLIPS", "on"),
        image_cancel_after_seconds=_whole(environment, "IMAGE_CANCEL_AFTER_SECONDS", 300, 5, 1800),
        video_cancel_after_seconds=_whole(environment, "VIDEO_CANCEL_AFTER_SECONDS", 900, 5, 1800),
        max_image_bytes=_whole(environment, "MAX_IMAGE_MB", 30, 1, 1000) * 1_000_000,
        max_clip_bytes=_whole(environment, "MAX_CLIP_MB", 300, 1, 4000) * 1_000_000,
        max_audio_bytes=_whole(environment, "MAX_AUDIO_MB", 50, 1, 1000) * 1_000_000,
        limits=Limits(
            active_jobs_per_user=_whole(environment, "MAX_ACTIVE_JOBS_PER_USER", 50, 0, 10_000),
            jobs_per_user_per_day=_whole(environment, "MAX_JOBS_PER_USER_PER_DAY", 1000, 0, 1_000_000),
            usd_per_user_per_day=_number(environment, "MAX_USD_PER_USER_PER_DAY", 20.0, 0.0, 1e6),
            usd_per_day=_number(environment, "MAX_USD_PER_DAY", 100.0, 0.0, 1e7),
            usage_shards=_whole(environment, "USAGE_SHARDS", 1, 1, 100),
        ),
        metadata_mode=MetadataMode(_choice(environment, "METADATA_MODE", MetadataMode.FIRESTORE_ONLY, MetadataMode)),
        webhook_url=_webhook_url(environment),
        allowed_http_hosts=frozenset(
            host.strip() for host in environment.get("ALLOWED_HTTP_HOSTS", "").split(",") if host.strip()
        ),
        cors_origins=_origins(environment, "CORS_ORIGINS"),
        api_check_revoked=_is_on(environment, "API_CHECK_REVOKED", "off"),
        app_check=_is_on(environment, "APP_CHECK", "off"),
        tracing=_is_on(environment, "TRACING", "off"),
        tracing_share=_number(environment, "TRACING_SHARE", 1.0, 0.0, 1.0),
    )


def read_replicate(environment: Mapping[str, str]) -> ReplicateSettings:
    """Replicate's token and address. Raises ConfigurationError when the token is missing."""
    return ReplicateSettings(
        api_token=_required(environment, REPLICATE_SECRET, secret=True),
        base_url=environment.get("REPLICATE_BASE_URL") or "https://api.replicate.com",
    )


def read_storage(environment: Mapping[str, str]) -> StorageSettings:
    """Where files go. Raises ConfigurationError with the name of what is missing."""
    if storage_backend(environment) == "firebase":
        return StorageSettings(
            backend="firebase",
            firebase_bucket=_required(environment, "STORAGE_BUCKET"),
            firebase_download_base_url=environment.get("STORAGE_DOWNLOAD_BASE_URL")
            or "https://firebasestorage.googleapis.com",
        )
    return StorageSettings(
        backend="r2",
        r2_endpoint_url=_required(environment, "R2_ENDPOINT_URL"),
        r2_bucket=_required(environment, "R2_BUCKET"),
        r2_access_key_id=_required(environment, "R2_ACCESS_KEY_ID", secret=True),
        r2_secret_access_key=_required(environment, "R2_SECRET_ACCESS_KEY", secret=True),
        r2_public_base_url=_required(environment, "R2_PUBLIC_BASE_URL").rstrip("/"),
    )


def storage_backend(environment: Mapping[str, str]) -> str:
    """`r2` or `firebase`. Raises ConfigurationError on any other word."""
    return _choice(environment, "STORAGE_BACKEND", "r2", ("r2", "firebase"))


def storage_secrets(environment: Mapping[str, str]) -> list[str]:
    """The secrets that a deployment with this storage binds: a project on Firebase Storage needs no R2 keys."""
    return list(R2_SECRETS) if storage_backend(environment) == "r2" else []


def required_settings(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The plain settings that have no default: those of the storage."""
    return R2_SETTINGS if storage_backend(environment) == "r2" else FIREBASE_SETTINGS


def openai_secrets(environment: Mapping[str, str]) -> list[str]:
    """The secrets that a deployment binds for prompts and moderation: one that uses neither needs no key."""
    is_used = _choice(environment, "PROMPT_WRITER", *_WRITERS) == "openai" or _moderation(environment) != "off"
    return [OPENAI_SECRET] if is_used else []


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The secrets that this function was given, to be kept out of its log."""
    names = (REPLICATE_SECRET, OPENAI_SECRET, *R2_SECRETS)
    return [value for name in names if (value := environment.get(name, "").strip())]


def read_openai_key(environment: Mapping[str, str]) -> str:
    """OpenAI's key; "" where there is none, or nothing is asked of it. Not every function is given it."""
    return environment.get(OPENAI_SECRET, "").strip() if openai_secrets(environment) else ""


def _moderation(environment: Mapping[str, str]) -> Literal["off", "on", "required"]:
    match _choice(environment, "MODERATION", "off", ("off", "on", "required")):
        case "on":
            return "on"
        case "required":
            return "required"
    return "off"


def _composite_method(environment: Mapping[str, str]) -> Literal["pil", "kontext"]:
    """`COMPOSITE_METHOD`, or the older `USE_KONTEXT_COMPOSITE`: each of them turns Kontext on."""
    named = _choice(environment, "COMPOSITE_METHOD", "pil", ("pil", "kontext"))
    flag = _choice(environment, "USE_KONTEXT_COMPOSITE", "false", ("true", "false"))
    return "kontext" if named == "kontext" or flag == "true" else "pil"


def _webhook_url(environment: Mapping[str, str]) -> str:
    """The function's own address, unless REPLICATE_WEBHOOK_URL names another or says `off`."""
    named = environment.get("REPLICATE_WEBHOOK_URL", "").strip()
    if named == "off":
        return ""
    if named and not named.startswith(("https://", "http://")):
        raise ConfigurationError(f"REPLICATE_WEBHOOK_URL is '{named}'; it must be a URL, or 'off'.")
    project = environment.get("GCLOUD_PROJECT", "")
    region = environment.get("FUNCTIONS_REGION") or DEFAULT_REGION
    own = f"https://{region}-{project}.cloudfunctions.net/{WEBHOOK_FUNCTION}" if project else ""
    return named or own


def _origins(environment: Mapping[str, str], name: str) -> frozenset[str]:
    """Origins as browsers send them, without a path, or `*`."""
    origins = frozenset(origin.strip() for origin in environment.get(name, "").split(",") if origin.strip())
    for origin in origins - {"*"}:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationError(f"{name} holds '{origin}'; an origin is like https://app.example.com, or *.")
    return origins


def _required(environment: Mapping[str, str], name: str, *, secret: bool = False) -> str:
    value = environment.get(name, "").strip()
    if not value:
        where = f"firebase functions:secrets:set {name}" if secret else "functions/.env"
        raise ConfigurationError(f"{name} is not set. Set it with: {where}.")
    return value


def _choice(environment: Mapping[str, str], name: str, default: str, choices: Iterable[str]) -> str:
    value = environment.get(name) or default
    known = list(choices)
    if value not in known:
        raise ConfigurationError(f"{name} is '{value}'; it must be one of {', '.join(known)}.")
    return value


def _is_on(environment: Mapping[str, str], name: str, default: str) -> bool:
    return _choice(environment, name, default, ("on", "off")) == "on"


def _number(environment: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigurationError(f"{name} is '{text}'; it must be a number.") from error
    if not least <= value <= most:
        raise ConfigurationError(f"{name} is {text}; it must be between {least:g} and {most:g}.")
    return value


def _whole(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = _number(environment, name, default, least, most)
    if value != int(value):
        raise ConfigurationError(f"{name} is {value:g}; it must be a whole number.")
    return int(value)
