"""The settings of functions/.env*: read as the CLI reads them, complete, and meant for a deployment."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from operations.environment import read_environment
from operations.preflight.findings import Finding, ok, wrong
from operations.preflight.firebase_cli import Refused
from operations.preflight.project import Project
from pipeline.config import (
    DEFAULT_REGION,
    OPENAI_SECRET,
    R2_SECRETS,
    REPLICATE_SECRET,
    WEBHOOK_FUNCTION,
    read_settings,
    read_storage,
    required_settings,
    storage_backend,
)
from pipeline.domain.errors import ConfigurationError

SECRETS = (REPLICATE_SECRET, OPENAI_SECRET, *R2_SECRETS)
EXAMPLE = Path("functions/.env.example")
PLACEHOLDER = re.compile(r"ACCOUNT_ID|my-media|my-project|example\.(com|org|net)|GCLOUD_PROJECT|\bREGION\b|<.*>|\.\.\.")
LOCAL = re.compile(r"\blocalhost\b|\b127\.\d+\.\d+\.\d+|\[::1\]|\b0\.0\.0\.0\b|\bhost\.docker\.internal\b")
ONLY_LOCAL = re.compile(r".*_EMULATOR_HOST|ALLOWED_HTTP_HOSTS|NO_GCE_CHECK|CLOUD_SECRET_MANAGER_URL")
ADDRESSES = ("R2_ENDPOINT_URL", "R2_PUBLIC_BASE_URL", "STORAGE_DOWNLOAD_BASE_URL", "REPLICATE_BASE_URL",
             "OPENAI_BASE_URL", "REPLICATE_WEBHOOK_URL")  # fmt: skip
BUCKETS = ("STORAGE_BACKEND", "R2_ENDPOINT_URL", "R2_BUCKET", "STORAGE_BUCKET")


def check_dotenv_files(project: Project) -> Iterator[Finding]:
    """The CLI reads .env, then the file of the project's id or of the alias, and refuses to choose between those."""
    own = [f".env.{project.project_id}", f".env.{project.alias}"]
    found = [name for name in (".env", *own) if (project.functions / name).is_file()]
    if set(own) <= set(found):
        empty = not (project.functions / own[0]).read_text(encoding="utf-8").strip()
        yield wrong(
            f"functions/ has both {own[0]} and {own[1]}, and the CLI reads only one of the two."
            + (" The first is empty: it is left over from a deploy that asked and could not write." if empty else ""),
            f"rm functions/{own[0]}" if empty else f"cat functions/{own[0]} >> functions/{own[1]}",
        )
    else:
        try:
            count = len(project.settings)
        except Refused as refusal:
            yield wrong(f"The CLI cannot read the settings: {refusal}")
        else:
            yield ok(f"{count} settings from {', '.join(f'functions/{name}' for name in found) or 'no file'}.")
    read = {*project.aliases, *project.aliases.values(), "local", "example"}
    for path in sorted(project.functions.glob(".env.*")):
        if (name := path.name.removeprefix(".env.")) not in read:
            yield wrong(f"functions/{path.name} is read by no deploy: '{name}' is no alias in .firebaserc.")


def check_settings(project: Project) -> Iterator[Finding]:
    """Complete, valid, known, and none that is a placeholder or only for local work."""
    settings = project.settings
    problems = [
        *_secrets_among(project, settings),
        *_missing(project, settings),
        *_not_valid(project, settings),
        *_not_known(project, settings),
        *_not_meant(settings),
        *_shared_bucket(project, settings),
    ]
    yield from problems or [ok("Complete and valid.")]


def check_webhook(project: Project) -> Iterator[Finding]:
    """Where Replicate will call."""
    settings = {**project.settings, "GCLOUD_PROJECT": project.project_id}
    try:
        url = read_settings(settings).webhook_url
    except ConfigurationError as error:
        yield wrong(str(error))
        return
    where = urlsplit(url)
    own = f"{settings.get('FUNCTIONS_REGION') or DEFAULT_REGION}-{project.project_id}.cloudfunctions.net"
    if not url:
        yield ok("REPLICATE_WEBHOOK_URL is off: predictions are asked for, which takes longer.")
    elif where.scheme != "https":
        yield wrong(f"Replicate calls only https: REPLICATE_WEBHOOK_URL is {url}.")
    elif (where.hostname or "").endswith(".cloudfunctions.net") and where.hostname != own:
        yield wrong(f"REPLICATE_WEBHOOK_URL is of another project or region: {where.hostname}, not {own}.")
    elif where.hostname == own and where.path != f"/{WEBHOOK_FUNCTION}":
        yield wrong(f"REPLICATE_WEBHOOK_URL is {url}; the function is at /{WEBHOOK_FUNCTION}.")
    else:
        yield ok(f"Replicate will call {url}.")


def check_region(project: Project) -> Iterator[Finding]:
    """One that second-generation functions are in."""
    region = project.settings.get("FUNCTIONS_REGION") or DEFAULT_REGION
    if project.cli.ask("region", region=region)["known"]:
        yield ok(region)
    else:
        yield wrong(
            f"FUNCTIONS_REGION is '{region}', and the CLI knows of no second-generation functions there.",
            "gcloud functions regions list --v2",
        )


def _secrets_among(project: Project, settings: Mapping[str, str]) -> Iterator[Finding]:
    for name in SECRETS:
        if name in settings:
            yield wrong(
                f"{name} is a secret and stands in a dotenv file, which is uploaded: it belongs into Secret Manager.",
                f"npx firebase -P {project.alias} functions:secrets:set {name}",
            )


def _missing(project: Project, settings: Mapping[str, str]) -> Iterator[Finding]:
    try:
        required = required_settings(settings)
    except ConfigurationError:
        return  # the next check has the sentence
    for name in required:
        if not settings.get(name, "").strip():
            yield wrong(f"{name} {_why(project, name)}.", f"echo {name}=... >> {project.settings_file}")


def _why(project: Project, name: str) -> str:
    """What a deploy would do about a setting without a value."""
    if name in project.settings:
        return "is an empty line, which counts as an answer: the CLI will not ask for it"
    if (project.root / project.settings_file).is_file() and project.settings_file.endswith(project.alias):
        return f"has no value, and beside {project.settings_file} the CLI cannot keep an answer"
    return "has no value: a deploy asks for it on a terminal, and fails where it cannot ask"


def _not_valid(project: Project, settings: Mapping[str, str]) -> Iterator[Finding]:
    complete = {**dict.fromkeys(SECRETS, "a secret"), **settings, "GCLOUD_PROJECT": project.project_id}
    try:
        for name in required_settings(complete):
            complete[name] = complete.get(name, "").strip() or "missing"
        read_settings(complete)
        read_storage(complete)
    except ConfigurationError as error:
        yield wrong(str(error))


def _not_known(project: Project, settings: Mapping[str, str]) -> Iterator[Finding]:
    known = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (project.root / EXAMPLE).read_text(encoding="utf-8"), re.M))
    for name in sorted(settings.keys() - known - set(SECRETS)):
        if not ONLY_LOCAL.fullmatch(name):
            meant = difflib.get_close_matches(name, known, 1)
            yield wrong(f"{name} is no setting of the functions" + (f": {meant[0]} is." if meant else "."))


def _not_meant(settings: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in settings.items():
        if ONLY_LOCAL.fullmatch(name):
            if value:
                yield wrong(f"{name} is for local work: with it functions trust what a deployment must not.")
        elif PLACEHOLDER.search(value):
            yield wrong(f"{name} is still a placeholder: {value}.")
        elif name in ADDRESSES and LOCAL.search(value):
            yield wrong(f"{name} is on somebody's own machine: {value}.")
        elif name in ADDRESSES and name != "REPLICATE_WEBHOOK_URL" and not value.startswith("https://"):
            yield wrong(f"{name} is {value or 'empty'}; it has to begin with https://.")


def _shared_bucket(project: Project, settings: Mapping[str, str]) -> Iterator[Finding]:
    """Two projects in one bucket: each would take the files of the other for left over, and delete them."""
    try:
        backend = storage_backend(settings)
    except ConfigurationError:
        return
    own = {name: settings.get(name, "") for name in required_settings(settings) if name in BUCKETS}
    for alias, other in project.aliases.items():
        files = [project.functions / name for name in (".env", f".env.{other}", f".env.{alias}")]
        present = [file for file in files if file.is_file()]
        if other == project.project_id or not any(file in present for file in files[1:]):
            continue  # what has no settings of its own is not deployed
        its = read_environment(present, {})
        if (its.get("STORAGE_BACKEND") or "r2") == backend and own == {name: its.get(name, "") for name in own}:
            yield wrong(f"{project.alias} and {alias} have the same bucket: what one deletes is gone in the other.")
