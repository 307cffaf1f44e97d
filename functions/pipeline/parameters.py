"""What `firebase deploy` asks for when a project lacks it: the secrets, and the settings that have no default.

    nothing is set            ──> REPLICATE_API_TOKEN, and for R2 two keys and three settings
    STORAGE_BACKEND=firebase  ──> REPLICATE_API_TOKEN, and the bucket, chosen from those of the project
    PROMPT_WRITER, MODERATION ──> OPENAI_API_KEY as well

Which ones depends on STORAGE_BACKEND, PROMPT_WRITER and MODERATION, so these three are not asked for: an answer would
come after the question which others are needed, and a deployment without its keys would go out. Like all settings with
a default they are lines of a dotenv file; a declared one without such a line fails every deploy that cannot ask.
"""

from collections.abc import Mapping

from firebase_functions.params import ResourceInput, ResourceType, SecretParam, StringParam, TextInput

from pipeline.config import OPENAI_SECRET, REPLICATE_SECRET, openai_secrets, required_settings, storage_secrets

_R2_INSTEAD = (
    "To keep files in Firebase Storage instead, stop here and write STORAGE_BACKEND=firebase into a dotenv file."
)
SECRETS = {
    REPLICATE_SECRET: ("Replicate's API token", "It makes the pictures and clips, and costs money: r8_..."),
    OPENAI_SECRET: ("OpenAI's API key", "For PROMPT_WRITER=openai and MODERATION: sk-..."),
    "R2_ACCESS_KEY_ID": ("the access key of Cloudflare R2", f"Of a token with Object Read & Write. {_R2_INSTEAD}"),
    "R2_SECRET_ACCESS_KEY": ("the secret key of Cloudflare R2", "It is shown once, with the access key."),
}
SETTINGS: dict[str, tuple[str, str, TextInput | ResourceInput]] = {
    "R2_ENDPOINT_URL": (
        "R2's S3 address",
        "It has the id of the Cloudflare account in it.",
        TextInput(
            example="https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com",
            validation_regex=r"^https://[^\s/]+$",
            validation_error_message="It begins with https:// and ends before any path.",
        ),
    ),
    "R2_BUCKET": (
        "the bucket in R2",
        "Pictures, clips and videos go there.",
        TextInput(
            example="films-staging",
            validation_regex="^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
            validation_error_message="3 to 63 small letters, digits and hyphens.",
        ),
    ),
    "R2_PUBLIC_BASE_URL": (
        "the bucket's public address",
        "URLs in documents start with it: a domain of your own, or the bucket's r2.dev address.",
        TextInput(
            example="https://media.example.com",
            validation_regex=r"^https://[^\s/]+(/\S*)?$",
            validation_error_message="It begins with https://.",
        ),
    ),
    "STORAGE_BUCKET": (
        "the bucket of Firebase Storage",
        "Pictures, clips and videos go there.",
        ResourceInput(type=ResourceType.STORAGE_BUCKET),
    ),
}


def declare_secrets(environment: Mapping[str, str]) -> None:
    """Declare the secrets that the functions bind. A second time in one process is an error of the SDK."""
    for name in (REPLICATE_SECRET, *storage_secrets(environment), *openai_secrets(environment)):
        label, description = SECRETS[name]
        SecretParam(name, label=label, description=description)


def declare_settings(environment: Mapping[str, str]) -> None:
    """Declare the settings without a default; likewise once."""
    for name in required_settings(environment):
        label, description, entry = SETTINGS[name]
        StringParam(name, label=label, description=description, input=entry)
