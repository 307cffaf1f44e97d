"""functions/main.py as a deploy sees it: valid, found quickly, each function alone, and light to import."""

import json
import resource
import statistics
import subprocess
from collections.abc import Iterator

from operations.preflight.findings import Finding, ok, unknown, wrong
from operations.preflight.firebase_cli import Refused
from operations.preflight.project import Project

DISCOVERY_SECONDS = 10.0
"""The CLI gives up then."""
SLOW_SECONDS = 5.0
"""On a busier machine that would be too long."""
BARE = "from firebase_functions import firestore_fn, options, tasks_fn, https_fn"
IMPORT_RATIO = 1.3
"""`make bench` holds it to 1.1, with more rounds; what this sees is a heavy package."""
ROUNDS = 3
HEAVY = (
    "PIL",
    "av",
    "blurhash",
    "boto3",
    "botocore",
    "ffmpeg",
    "google.cloud.storage",
    "openai",
    "opentelemetry.sdk",
    "pydantic",
    "replicate",
    "pipeline.api",
    "pipeline.wiring",
)
"""What only a function that is at work loads."""


def check_functions(project: Project) -> Iterator[Finding]:
    """The CLI's validators, on all functions and on each by itself."""
    try:
        manifest = project.manifest
    except Refused as refusal:
        yield wrong(f"The CLI refuses: {refusal}")
        return
    alone = manifest["alone"]
    for name, selected in alone.items():
        if selected != [name]:
            yield wrong(f"--only functions:{name} deploys {', '.join(selected)}: one name is the beginning of another.")
    for endpoint in manifest["endpoints"]:
        if "taskQueueTrigger" in endpoint and not endpoint["id"].replace("-", "").isalnum():
            yield wrong(f"{endpoint['id']} is a queue, and Cloud Tasks takes no underscore in its name.")
    yield ok(f"{len(alone)} functions are valid, together and each alone.")


def check_discovery(project: Project) -> Iterator[Finding]:
    """The CLI waits ten seconds for main.py to say what is in it."""
    yield of_discovery(project.manifest["seconds"])


def of_discovery(seconds: float) -> Finding:
    """Too long was refused before. Near the limit may be this machine, or what main.py imports."""
    told = f"The functions were found in {seconds:.1f} s; the CLI waits for {DISCOVERY_SECONDS:.0f} s."
    if seconds > SLOW_SECONDS:
        find = "(cd functions && venv/bin/python -X importtime -c 'import main' 2>&1 | sort -t'|' -k2 -n | tail)"
        return unknown(f"{told} That is close: again, when this machine is not busy.", find)
    return ok(told)


def check_import(project: Project) -> Iterator[Finding]:
    """Every cold start waits for what main.py imports."""
    code = f"import json, main, sys; print(json.dumps([name for name in {list(HEAVY)!r} if name in sys.modules]))"
    told = subprocess.run(
        [project.python, "-c", code], cwd=project.functions, capture_output=True, text=True, check=False
    )
    if told.returncode:
        yield unknown(f"main.py cannot be imported: {(told.stderr.strip().splitlines() or ['no reason'])[-1]}")
        return
    heavy = json.loads(told.stdout.splitlines()[-1])
    for name in heavy:
        yield wrong(f"Importing main.py loads {name}, which only functions at work need: import it where it is used.")
    if not heavy:
        ratios = (_cpu_seconds(project, "import main") / _cpu_seconds(project, BARE) for _ in range(ROUNDS))
        yield of_import(statistics.median(ratios))


def of_import(ratio: float) -> Finding:
    """A third over what the decorators take is no package that somebody forgot."""
    sentence = f"Importing main.py takes {ratio:.2f} times as long as the bare decorators; allowed are {IMPORT_RATIO}."
    return wrong(sentence, "make bench") if ratio > IMPORT_RATIO else ok(sentence)


def _cpu_seconds(project: Project, statement: str) -> float:
    """CPU time, which other work on this machine does not change much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([project.python, "-c", statement], cwd=project.functions, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
