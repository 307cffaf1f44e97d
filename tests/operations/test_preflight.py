"""Each check of the preflight: well on a project as it should be, and wrong on one that is broken where it looks."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from operations.preflight.__main__ import main
from operations.preflight.checks import CHECKS, Report, run_check
from operations.preflight.declarations import of_discovery, of_import
from operations.preflight.findings import Verdict, verdict_of
from operations.preflight.names import check_project
from operations.preflight.packages import check_runtime, check_wheels
from operations.preflight.project import Project
from operations.preflight.upload import check_upload
from tests.deploy.uploads import EXAMPLE, copied_project, runtime_of

OWN = "films-staging-1f2e"
PROJECTS = {"default": "films-dev-1f2e", "dev": "films-dev-1f2e", "staging": OWN, "prod": "films-prod-1f2e"}


@pytest.fixture
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of somebody who is logged in nowhere."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "CLOUDSDK_CONFIG": str(home)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout that can be deployed to `staging`."""
    folder = copied_project(tmp_path / "films", settings="")
    (folder / "functions/.env.staging").write_text(EXAMPLE)
    (folder / ".firebaserc").write_text(json.dumps({"projects": PROJECTS}))
    edit(folder / "firebase.json", '"python311"', f'"{runtime_of(folder / "functions")}"')
    return folder


@pytest.fixture
def project(root: Path, environ: dict[str, str]) -> Project:
    return Project(root, "staging", OWN, environ)


def edit(path: Path, ours: str, broken: str) -> None:
    text = path.read_text()
    assert ours in text
    path.write_text(text.replace(ours, broken, 1))


def said(report: Report) -> str:
    return "\n".join(f"{finding.verdict}: {finding.text} $ {finding.command}" for finding in report.findings)


def test_a_project_as_it_should_be_has_nothing_wrong(
    root: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    for name in set(os.environ) - set(environ):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["--alias", "staging", "--root", str(root)]) == 0, capfd.readouterr().out
    out = capfd.readouterr().out
    assert ", 0 wrong, " in out
    well = set(re.findall(r"^ +ok +(\S+(?: \S+)?)  ", out, re.MULTILINE))
    assert well | {"discovery"} == set(CHECKS) - {"secrets", "account"}  # a busy machine is slow to discover
    assert "OPENAI_API_KEY must be in Secret Manager of films-staging-1f2e" in out
    assert "gcloud projects get-iam-policy films-staging-1f2e" in out


def test_one_wrong_thing_is_enough_and_the_other_checks_are_run_all_the_same(
    root: Path, capfd: pytest.CaptureFixture[str]
):
    edit(root / "functions/.env.staging", "R2_BUCKET=films-media", "1=2")
    edit(root / "firestore.indexes.json", '"queryScope": "COLLECTION"', '"queryScope": "ALL"')
    checks = ["dotenv files", "settings", "functions", "discovery", "lock file", "indexes"]
    given = [word for name in checks for word in ("--check", name)]
    assert main(["--alias", "staging", "--root", str(root), "--quiet", *given]) == 1
    lines = [line.split()[:2] for line in capfd.readouterr().out.splitlines()]
    assert ["WRONG", "dotenv"] in lines
    assert ["?", "settings"] in lines
    assert ["WRONG", "functions"] in lines
    assert ["?", "discovery"] in lines
    assert ["WRONG", "indexes"] in lines
    assert "ok" not in [words[0] for words in lines if words]


@pytest.mark.parametrize(("alias", "words"), [("stagin", "none of the aliases"), ("local", "Nothing is deployed")])
def test_wrong_arguments(root: Path, alias: str, words: str, capsys: pytest.CaptureFixture[str]):
    assert main(["--alias", alias, "--root", str(root)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("alias", "projects", "words"),
    [
        ("staging", {"staging": "words-to-video-staging"}, "still the placeholder"),
        ("staging", {"staging": "Films"}, "is no project id"),
        ("prod", {"default": "films-1", "dev": "films-1", "prod": "films-1"}, "dev is the same project as prod"),
    ],
)
def test_project(root: Path, environ: dict[str, str], alias: str, projects: dict[str, str], words: str):
    (root / ".firebaserc").write_text(json.dumps({"projects": projects}))
    findings = list(check_project(Project(root, alias, projects[alias], environ)))
    assert verdict_of(findings) is Verdict.WRONG
    assert words in findings[-1].text or words in findings[0].text


def env(text: str, name: str = ".env") -> Callable[[Path], None]:
    """More settings."""
    return lambda root: (root / "functions" / name).write_text(text) and None


def other(file: str, ours: str, broken: str) -> Callable[[Path], None]:
    return lambda root: edit(root / file, ours, broken)


def added(file: str, text: str = "x") -> Callable[[Path], None]:
    def add(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)

    return add


STAGING = "functions/.env.staging"
MAIN = "functions/main.py"


@pytest.mark.parametrize(
    ("check", "breaking", "words"),
    [
        ("dotenv files", env("", f".env.{OWN}"), f"left over from a deploy.*rm functions/.env.{OWN}"),
        ("dotenv files", env("FIREBASE_X=1\n"), "The CLI cannot read the settings.*FIREBASE_X"),
        ("dotenv files", env("R2_BUCKET=x\n", ".env.stagin"), "'stagin' is no alias"),
        ("webhook", env("REPLICATE_WEBHOOK_URL=http://films.dev/hook\n"), "only https"),
        (
            "webhook",
            env(f"REPLICATE_WEBHOOK_URL=https://europe-west1-{OWN}.cloudfunctions.net/handle_replicate_webhook\n"),
            "another project or region",
        ),
        ("webhook", env(f"REPLICATE_WEBHOOK_URL=https://us-central1-{OWN}.cloudfunctions.net/hook\n"), "is at /handle"),
        ("region", env("FUNCTIONS_REGION=mars-north1\n"), "mars-north1"),
        ("runtime", other("firebase.json", '"python3', '"python2'), "the CLI knows python310"),
        ("functions", other(MAIN, "EVENT_SECONDS = 540", "EVENT_SECONDS = 900"), "timeouts that exceed the maximum"),
        ("functions", other(MAIN, "def advancejob", "def advance_job"), "Cloud Tasks takes no underscore"),
        ("import", other(MAIN, "import os\n", "import os\nimport boto3\n"), "loads boto3"),
        ("lock file", other("functions/requirements.in", "flask==", "flask==9."), "names flask 9.*make lock"),
        ("lock file", other("functions/requirements.txt", "flask==", "flask==9."), "and 9.*make install"),
        ("lock file", other("functions/requirements.txt", "\nflask==", "\nflasque==1\nflask=="), "not installed here"),
        ("ffmpeg", other("functions/requirements.txt", "imageio-ffmpeg==", "imageio-nothing=="), "no ffmpeg"),
        ("upload", other("firebase.json", '"venv", "__py', '"venv", "handlers", "__py'), "would not be uploaded"),
        ("indexes", other("firestore.indexes.json", '"queryScope": "COLLECTION"', '"queryScope": "ALL"'), "queryScope"),
    ],
)  # fmt: skip
def test_what_is_broken_is_wrong(project: Project, check: str, breaking: Callable[[Path], None], words: str):
    breaking(project.root)
    report = run_check(check, project)
    assert report.verdict is Verdict.WRONG, said(report)
    assert re.search(words, said(report), re.DOTALL), said(report)


def test_every_setting_that_is_wrong_is_named(project: Project):
    """And none of those that are well."""
    (project.functions / ".env.staging").write_text(
        "R2_ENDPOINT_URL=http://ACCOUNT_ID.r2.cloudflarestorage.com\nR2_BUCKET=\n"
        "R2_ACCESS_KEY_ID=a1\nMAX_PARALEL_SCENES=3\nVIDEO_RESOLUTION=4k\nCORS_ORIGINS=http://localhost:5173\n"
        "ALLOWED_HTTP_HOSTS=127.0.0.1:9\nFIRESTORE_EMULATOR_HOST=127.0.0.1:8080\n"
        "REPLICATE_BASE_URL=https://localhost:9\nOPENAI_BASE_URL=http://proxy.films.dev\nIMAGE_MODEL_FALLBACK=\n"
    )
    report = run_check("settings", project)
    told = said(report)
    for sentence in (
        "R2_ENDPOINT_URL is still a placeholder",
        "R2_BUCKET is an empty line, which counts as an answer",
        "R2_PUBLIC_BASE_URL has no value, and beside functions/.env.staging the CLI cannot keep an answer",
        "R2_ACCESS_KEY_ID is a secret",
        "MAX_PARALEL_SCENES is no setting of the functions: MAX_PARALLEL_SCENES is.",
        "VIDEO_RESOLUTION is '4k'; it must be one of",
        "ALLOWED_HTTP_HOSTS is for local work",
        "FIRESTORE_EMULATOR_HOST is for local work",
        "REPLICATE_BASE_URL is on somebody's own machine",
        "OPENAI_BASE_URL is http://proxy.films.dev; it has to begin with https://",
    ):
        assert f"wrong: {sentence}" in told, told
    assert len(report.findings) == 10, told


def test_a_deployment_without_settings_is_told_what_a_deploy_would_ask_for(project: Project):
    (project.functions / ".env.staging").rename(project.functions / ".env.prod")  # whose bucket it does not have
    told = said(run_check("settings", project))
    assert told.count("a deploy asks for it on a terminal") == 3
    assert "same bucket" not in told


def test_two_deployments_in_one_bucket_would_delete_each_others_files(project: Project):
    shutil.copy(project.functions / ".env.staging", project.functions / ".env.prod")
    assert "staging and prod have the same bucket" in said(run_check("settings", project))


def test_a_storage_that_there_is_not(project: Project):
    (project.functions / ".env.staging").write_text("STORAGE_BACKEND=s3\n")
    assert "STORAGE_BACKEND is 's3'" in said(run_check("settings", project))


def test_indexes_that_firestore_refuses_though_the_cli_does_not(project: Project):
    path = project.root / "firestore.indexes.json"
    spec = json.loads(path.read_text())
    one = {**spec["indexes"][1], "fields": spec["indexes"][1]["fields"][:1]}
    path.write_text(json.dumps({"indexes": [*spec["indexes"], spec["indexes"][0], one], "fieldOverrides": []}))
    told = said(run_check("indexes", project))
    assert "an index twice" in told
    assert "has one field" in told
    assert "no field with a TTL" in told


def test_rules_that_do_not_compile_are_told_with_their_line(project: Project):
    edit(project.root / "firestore.rules", "isOwner(", "isNobody(")
    edit(project.root / "storage.rules", "allow read", "alow read")
    told = said(run_check("rules", project))
    assert "wrong: firestore.rules: L" in told
    assert "isNobody" in told
    assert "wrong: storage.rules: L" in told
    assert "'alow'" in told


def test_without_an_emulator_rules_cannot_be_checked(root: Path, environ: dict[str, str]):
    (root / "no").mkdir()
    report = run_check(
        "rules", Project(root, "staging", OWN, {**environ, "PATH": str(root / "no"), "JAVA_HOME": "/no"})
    )
    if report.verdict is not Verdict.OK:  # where Java comes from a package, it is found without a PATH
        assert report.verdict is Verdict.UNKNOWN
        assert "--dry-run" in said(report)


def test_functions_that_take_too_long_to_be_found(root: Path, environ: dict[str, str]):
    edit(root / MAIN, "import os\n", "import os\nimport time\ntime.sleep(2)\n")
    slow = Project(root, "staging", OWN, {**environ, "FUNCTIONS_DISCOVERY_TIMEOUT": "1"})
    assert "User code failed to load" in said(run_check("functions", slow))
    assert run_check("discovery", slow).verdict is Verdict.UNKNOWN  # the other has said it
    assert of_discovery(4.9).verdict is Verdict.OK
    assert of_discovery(5.1).verdict is Verdict.UNKNOWN


def test_imports_may_cost_a_third_of_the_sdk_and_no_more():
    assert of_import(1.1).verdict is Verdict.OK
    assert of_import(1.31).verdict is Verdict.WRONG


def test_runtimes_come_to_an_end_and_are_what_is_tested(project: Project):
    assert "can be deployed no more since" in next(iter(check_runtime(project, date(2040, 1, 1)))).text
    other_version = "python312" if project.runtime != "python312" else "python311"
    edit(project.root / "firebase.json", f'"{project.runtime}"', f'"{other_version}"')
    again = Project(project.root, project.alias, project.project_id, project.environ)
    assert "what is tested here is not what runs there" in said(run_check("runtime", again))


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """A folder of packages before the installed ones."""
    folder = tmp_path / "packages"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp311-cp311-linux_x86_64", False),
        ("cp311-cp311-manylinux_2_38_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("py3-none-any", True),
    ],
)
def test_a_package_that_was_compiled_here_has_to_be_compiled_there(
    project: Project, packages: Path, tag: str, fits: bool
):
    about = packages / "oddity-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: oddity\nVersion: 1.0\n")
    (about / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    (project.functions / "requirements.txt").write_text("oddity==1.0\n")
    found = Project(project.root, "staging", OWN, {**project.environ, "PYTHONPATH": str(packages)})
    (finding,) = check_wheels(found, ("Linux", "x86_64"))
    assert finding.verdict is (Verdict.OK if fits else Verdict.WRONG), finding.text
    (elsewhere,) = check_wheels(found, ("Darwin", "arm64"))
    assert elsewhere.verdict is Verdict.UNKNOWN
    assert ("oddity" in elsewhere.text) is (tag != "py3-none-any")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "holds no ffmpeg"),
        ("#!/bin/sh\nexit 1\n", "does not run"),
        ("#!/bin/sh\necho ' A....D aac'\n", "no encoder libx264"),
    ],
)
def test_an_ffmpeg_that_is_not_there_or_not_whole(project: Project, packages: Path, script: str, words: str):
    binaries = packages / "imageio_ffmpeg/binaries"
    binaries.mkdir(parents=True)
    (binaries.parent / "__init__.py").touch()
    if script:
        (binaries / "ffmpeg-linux-x86_64-v0").write_text(script)
        (binaries / "ffmpeg-linux-x86_64-v0").chmod(0o755)
    found = Project(project.root, "staging", OWN, {**project.environ, "PYTHONPATH": str(packages)})
    report = run_check("ffmpeg", found)
    assert report.verdict is Verdict.WRONG
    assert words in said(report)


def test_what_is_local_or_secret_is_found_in_the_upload(project: Project):
    added("functions/.mypy_cache/x.json")(project.root)
    added("functions/pipeline/key.pem")(project.root)
    added("functions/pipeline/notes.txt", f"REPLICATE_API_TOKEN=r8_{'a1' * 20}")(project.root)
    told = [finding.text for finding in run_check("upload", project).findings]
    assert [text.split()[0] for text in told] == [
        "functions/.mypy_cache",
        "functions/pipeline/key.pem",
        "functions/pipeline/notes.txt",
    ]
    assert told[2].endswith("has a token of Replicate in it, and would be uploaded.")


def test_an_upload_that_is_too_large(project: Project):
    findings = list(check_upload(project, most_bytes=10_000))
    assert verdict_of(findings) is Verdict.WRONG
    assert "more than the 0.0 MB" in findings[-1].text


GCLOUD = """#!/bin/sh
case "$*" in
  "auth list"*) echo '[{"account": "me@films.dev"}]' ;;
  *OPENAI_API_KEY) echo "ERROR: NOT_FOUND: Secret not found or has no versions" >&2; exit 1 ;;
  *R2_ACCESS_KEY_ID) echo disabled ;;
  *R2_SECRET_ACCESS_KEY) echo "ERROR: no network" >&2; exit 1 ;;
  *) echo enabled ;;
esac
"""


def test_who_is_logged_in_is_told_which_secrets_are_there(project: Project, tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gcloud").write_text(GCLOUD)
    (tmp_path / "bin/gcloud").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{project.environ['PATH']}"
    report = run_check("secrets", Project(project.root, "staging", OWN, {**project.environ, "PATH": path}))
    told = {finding.text.partition(" could not")[0]: finding.verdict for finding in report.findings}
    assert told == {
        "REPLICATE_API_TOKEN is set.": Verdict.OK,
        "The latest version of R2_ACCESS_KEY_ID is disabled.": Verdict.WRONG,
        "R2_SECRET_ACCESS_KEY": Verdict.UNKNOWN,
        f"OPENAI_API_KEY is not in Secret Manager of {OWN}.": Verdict.WRONG,
    }
    assert "npx firebase -P staging functions:secrets:set OPENAI_API_KEY" in said(report)


def test_what_only_the_account_knows_is_told_with_its_commands(project: Project):
    report = run_check("account", project)
    assert report.verdict is Verdict.UNKNOWN
    assert all(OWN in finding.command for finding in report.findings)
