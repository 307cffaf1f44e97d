"""What a deploy would send, seen with the CLI's own eyes: its discovery, its validators, its schema. Offline."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.jobs import JobKind
from tests.deploy.uploads import LIB, ROOT, copied_project, validate

EVENTS = {
    "handle_image_generation": "image_generation_jobs/{job_id}",
    "handle_video_generation": "video_generation_jobs/{job_id}",
    "handle_multi_video_generation": "multi_video_jobs/{job_id}",
    "handle_composition": "composition_jobs/{job_id}",
}
TASKS = ("advancejob", "advancecomposition")
LIBRARY = ("api",)
WATCHES = ("handle_replicate_webhook", "sweep_jobs", "sweep_jobs_now")
WRITING = ("handle_image_generation", "handle_video_generation", "handle_multi_video_generation", "advancejob")
HEAVY = ("handle_composition", "advancecomposition")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied_project(tmp_path)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the CLI finds in what is deployed as it is."""
    return validate(copied_project(tmp_path_factory.mktemp("project")))


def test_a_deploy_would_be_accepted_and_holds_what_we_mean(found: dict[str, Any]):
    functions = {endpoint["id"]: endpoint for endpoint in found["endpoints"]}
    assert set(functions) == {*EVENTS, *TASKS, *WATCHES, *LIBRARY}
    for name, function in functions.items():
        assert (function["platform"], function["region"]) == ("gcfv2", "us-central1")
        assert function["maxInstances"] == (1 if name.startswith("sweep") else 10)
        assert (function["availableMemoryMb"], function["cpu"]) == (
            (512, 1) if name in (*WATCHES, *LIBRARY) else (4096, 2) if name in HEAVY else (1024, 1)
        )
        assert function["concurrency"] == (1 if name in HEAVY or name.startswith("sweep") else 4)
        assert [secret["key"] for secret in function["secretEnvironmentVariables"]] == [
            *([] if name in LIBRARY else ["REPLICATE_API_TOKEN"]),
            "R2_ACCESS_KEY_ID",
            "R2_SECRET_ACCESS_KEY",
            *(["OPENAI_API_KEY"] if name in WRITING else []),
        ]
    for name, document in EVENTS.items():
        trigger = functions[name]["eventTrigger"]
        assert trigger["eventType"] == "google.cloud.firestore.document.v1.created"
        assert trigger["eventFilterPathPatterns"] == {"document": document}
        assert functions[name]["timeoutSeconds"] == 540
    for name in TASKS:
        assert name.isalnum()  # Cloud Tasks takes no underscore in a queue's name, and the CLI does not say so
        assert functions[name]["timeoutSeconds"] == (1800 if name in HEAVY else 540)
        assert functions[name]["taskQueueTrigger"]["retryConfig"]["maxAttempts"] == 100
    for name in ("handle_replicate_webhook", "api"):
        assert functions[name]["httpsTrigger"]["invoker"] == ["public"]
        assert functions[name]["timeoutSeconds"] == 60
    assert functions["sweep_jobs_now"]["httpsTrigger"]["invoker"] == ["private"]
    assert functions["sweep_jobs"]["scheduleTrigger"]["schedule"] == "every 5 minutes"


def test_each_function_can_be_deployed_alone(found: dict[str, Any]):
    """--only functions:NAME, by the CLI's own filter: that one, valid by itself, and no other of a similar name."""
    assert found["alone"] == {name: [name] for name in (*EVENTS, *TASKS, *WATCHES, *LIBRARY)}


def test_no_function_can_trigger_itself(found: dict[str, Any]):
    """Job documents are only ever created by clients, and no function listens to anything but their creation."""
    triggers = [function["eventTrigger"] for function in found["endpoints"] if "eventTrigger" in function]
    assert {trigger["eventType"] for trigger in triggers} == {"google.cloud.firestore.document.v1.created"}
    listened = {trigger["eventFilterPathPatterns"]["document"].partition("/")[0] for trigger in triggers}
    creates = re.compile(r"\.(?:create|set|add)\(")
    repositories = {path.stem: path.read_text() for path in (ROOT / "functions/pipeline/repositories").glob("*.py")}
    assert listened == {kind.collection for kind in JobKind}
    assert not creates.search(repositories["jobs"] + repositories["stuck_jobs"])


def test_firebase_storage_asks_for_no_r2_secrets_and_templates_for_no_openai_key(project: Path):
    (project / "functions/.env").write_text("STORAGE_BACKEND=firebase\nSTORAGE_BUCKET=b.appspot.com\n")
    for function in validate(project)["endpoints"]:
        bound = [] if function["id"] in LIBRARY else ["REPLICATE_API_TOKEN"]
        assert [secret["key"] for secret in function.get("secretEnvironmentVariables", [])] == bound


@pytest.mark.parametrize(
    ("ours", "broken", "words"),
    [
        ("EVENT_SECONDS = 540", "EVENT_SECONDS = 900", "timeout"),
        ("def advancejob", "def advance" + "job" * 20, "function name"),
        ('"cpu": 2,', '"cpu": 3,', "CPU"),
        ("import os", "import no_such_package", "No module named .no_such_package"),
    ],
)
def test_what_a_deploy_would_refuse_is_refused_here(project: Path, ours: str, broken: str, words: str):
    main = project / "functions/main.py"
    assert ours in main.read_text()
    main.write_text(main.read_text().replace(ours, broken))
    with pytest.raises(AssertionError, match=words):
        validate(project)


def test_importing_main_loads_no_heavy_package():
    heavy = ["boto3", "botocore", "openai", "replicate", "PIL", "av", "blurhash", "ffmpeg", "pydantic"]
    heavy += ["google.cloud.storage", "pipeline.api", "pipeline.wiring"]
    code = f"import main, sys; print([name for name in {heavy!r} if name in sys.modules])"
    python = ROOT / "functions" / "venv" / "bin" / "python"
    answer = subprocess.run([python, "-c", code], cwd=ROOT / "functions", capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_firebase_json_follows_the_clis_schema():
    code = """
const [lib, file] = process.argv.slice(1);
const Ajv = require(require.resolve("ajv", { paths: [lib] })).default;
const ajv = new Ajv({ allowUnionTypes: true, strict: false });
require(require.resolve("ajv-formats", { paths: [lib] })).default(ajv);
const validate = ajv.compile(require(lib + "/../schema/firebase-config.json"));
process.exit(validate(require(file)) ? 0 : (console.error(JSON.stringify(validate.errors)), 1));
"""
    command = ["node", "-e", code, str(LIB), str(ROOT / "firebase.json")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_the_deployed_packages_are_pinned_and_complete():
    """Every package that functions/ imports is one that we chose, with its version."""
    lines = [line for line in (ROOT / "functions/requirements.in").read_text().splitlines() if line[:1].isalpha()]
    assert all("==" in line for line in lines)
    pinned = {line.partition("==")[0] for line in lines}
    sources = "\n".join(path.read_text() for path in (ROOT / "functions/pipeline").rglob("*.py"))
    imported = set(re.findall(r"^ *(?:import|from) ([A-Za-z_]\w*)", sources, re.MULTILINE))
    packages = {
        "av": "av",
        "blurhash": "blurhash",
        "boto3": "boto3",
        "botocore": "boto3",
        "ffmpeg": "ffmpeg-python",
        "firebase_admin": "firebase-admin",
        "firebase_functions": "firebase-functions",
        "flask": "flask",
        "google": "google-cloud-firestore",
        "httpcore": "httpcore",
        "httpx": "httpx",
        "httpx2": "openai",
        "idna": "idna",
        "imageio_ffmpeg": "imageio-ffmpeg",
        "jwt": "firebase-admin",
        "opentelemetry": "opentelemetry-sdk",
        "openai": "openai",
        "PIL": "pillow",
        "pydantic": "pydantic",
        "pydantic_core": "pydantic",
        "replicate": "replicate",
        "requests": "firebase-admin",
        "s3transfer": "boto3",
        "urllib3": "boto3",
        "werkzeug": "werkzeug",
    }
    only_for_types = {"_typeshed", "mypy_boto3_s3"}
    foreign = imported - set(sys.stdlib_module_names) - only_for_types - {"pipeline"}
    assert foreign - set(packages) == set()
    assert {packages[name] for name in foreign} <= pinned


def test_no_lock_file_names_a_private_registry():
    lock = (ROOT / "package-lock.json").read_text()
    hosts = {part.split("/")[0] for part in lock.split('"resolved": "https://')[1:]}
    assert hosts <= {"registry.npmjs.org"}
