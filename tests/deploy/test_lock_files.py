"""What is installed, here and in the cloud, stands in the lock files: exact versions, with hashes, of PyPI and npm."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CHOSEN_AND_LOCKED = {
    "functions/requirements.in": "functions/requirements.txt",
    "requirements-dev.in": "requirements-dev.txt",
}
LOCKED = sorted(CHOSEN_AND_LOCKED.values())
OF_NODE = ["package.json", "web/package.json"]
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def entries(path: str) -> dict[str, tuple[str, Marker | None, list[str]]]:
    """The packages of a lock file: version, marker, hashes. Raises ValueError for any line of another kind."""
    text = (ROOT / path).read_text().replace("\\\n", " ")
    found = {}
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        words, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(words)
        version = str(requirement.specifier).removeprefix("==")
        found[canonicalize_name(requirement.name)] = (version, requirement.marker, hashes)
    return found


def chosen(path: str) -> dict[str, str]:
    lines = [line for line in (ROOT / path).read_text().splitlines() if line[:1].isalpha()]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(found.name): str(found.specifier).removeprefix("==") for found in requirements}


@pytest.mark.parametrize("path", LOCKED)
def test_every_package_has_a_version_and_hashes_and_no_file_names_a_server(path: str):
    locked = entries(path)
    assert len(locked) > 50
    for name, (version, _, hashes) in locked.items():
        assert re.fullmatch(r"[0-9][0-9A-Za-z.]*", version), name
        assert hashes, name
        assert all(SHA256.fullmatch(digest) for digest in hashes), name
    assert not re.search(r"^\s*-|://|@ ", re.sub(r"--hash=\S+", "", (ROOT / path).read_text()), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(CHOSEN_AND_LOCKED))
def test_what_we_chose_is_what_is_locked(path: str):
    locked = {name: version for name, (version, _, _) in entries(CHOSEN_AND_LOCKED[path]).items()}
    assert chosen(path).items() <= locked.items()


def test_developers_and_the_cloud_run_the_same_packages():
    deployed, developed = (entries(path) for path in LOCKED)
    assert {name: entry[::2] for name, entry in deployed.items()}.items() <= {
        name: entry[::2] for name, entry in developed.items()
    }.items()


@pytest.mark.parametrize(
    ("path", "python"), [(LOCKED[0], ROOT / "functions/venv/bin/python"), (LOCKED[1], Path(sys.executable))]
)
def test_what_is_installed_is_what_is_locked(path: str, python: Path):
    """Nothing came along that the lock file does not name, which `pip install --require-hashes` would refuse."""
    code = "from importlib.metadata import distributions as d; print(*(f'{p.name}=={p.version}' for p in d()))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    installed = {canonicalize_name(name): version for name, _, version in (word.partition("==") for word in told)}
    locked = {name: version for name, (version, _, _) in entries(path).items()}
    brought_by_venv = {"pip", "setuptools", "wheel"}
    assert "firebase-functions" in installed
    assert {
        name: version for name, version in installed.items() if name not in brought_by_venv
    }.items() <= locked.items()


def test_a_hash_that_does_not_agree_is_refused(tmp_path: Path):
    """pip checks hashes as soon as one line has one: the way Cloud Functions installs needs no further option."""
    package = tmp_path / "tiny-1.0-py3-none-any.whl"
    package.write_bytes(b"not what was hashed")
    (tmp_path / "requirements.txt").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    command = [sys.executable, "-m", "pip", "install", "--no-index", f"--find-links={tmp_path}", "--no-deps"]
    command += ["--target", str(tmp_path / "target"), "--requirement", str(tmp_path / "requirements.txt")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "DO NOT MATCH THE HASHES" in answer.stdout + answer.stderr


def test_the_framework_is_among_the_locked_packages():
    """Else Cloud Functions adds a file of its own, without hashes, to what it installs."""
    assert "functions-framework" in entries("functions/requirements.txt")


@pytest.mark.parametrize("path", OF_NODE)
def test_of_npm_too_every_package_has_a_version_and_a_hash_and_no_file_names_a_server(path: str):
    lock = ROOT / path.replace("package.json", "package-lock.json")
    packages = {place: entry for place, entry in json.loads(lock.read_text())["packages"].items() if place}
    assert len(packages) > 50
    for place, entry in packages.items():
        assert re.fullmatch(r"[0-9][0-9A-Za-z.+-]*", entry["version"]), place
        assert entry["integrity"].startswith("sha512-"), place
    assert not re.search(r'"resolved"|"link"|registry\.|git\+', lock.read_text())


@pytest.mark.parametrize("path", OF_NODE)
def test_of_npm_what_we_chose_is_an_exact_version_and_what_is_locked(path: str):
    described = json.loads((ROOT / path).read_text())
    named = {**described.get("dependencies", {}), **described["devDependencies"]}
    locked = json.loads((ROOT / path.replace("package.json", "package-lock.json")).read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in named} == named


@pytest.mark.parametrize("path", OF_NODE)
def test_of_npm_what_we_chose_is_what_is_installed(path: str):
    described = json.loads((ROOT / path).read_text())
    named = {**described.get("dependencies", {}), **described["devDependencies"]}
    modules = (ROOT / path).parent / "node_modules"
    assert {name: json.loads((modules / name / "package.json").read_text())["version"] for name in named} == named
