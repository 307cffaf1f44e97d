"""What Cloud Build will install: the runtime's Python, the locked packages, their wheels for Linux, and ffmpeg.

An installed package says in its WHEEL file for which platforms it was built; the lock file has only hashes. So where
this machine is one like those of the cloud (x86-64 Linux, the same Python), what is installed here says what there is.
"""

import json
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from operations.preflight.findings import Finding, ok, unknown, wrong
from operations.preflight.project import Project

CLOUD_MACHINE = ("Linux", "x86_64")
CLOUD_GLIBC = (2, 35)
"""Of Ubuntu 22.04, on which the runtimes python310 to python313 are built (google-22)."""
MANYLINUX = re.compile(r"manylinux(?:_(\d+)_(\d+)|2014|2010|1)_x86_64")
ENCODERS = ("libx264", "aac")
INSTALLED = """
import importlib.metadata, json, sys
found = {}
for package in importlib.metadata.distributions():
    wheel = package.read_text("WHEEL") or ""
    tags = [line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    found[package.name.lower().replace("_", "-").replace(".", "-")] = [package.version, tags]
json.dump([list(sys.version_info[:2]), found], sys.stdout)
"""
FFMPEG = """
import imageio_ffmpeg, pathlib, subprocess
folder = pathlib.Path(imageio_ffmpeg.__file__).parent / "binaries"
binary = next((path for path in sorted(folder.glob("ffmpeg*")) if path.is_file()), None)
if binary is None:
    raise SystemExit("the package holds no ffmpeg")
print(binary.name)
print(subprocess.run([binary, "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout)
"""
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
_CHOSEN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", re.MULTILINE)


def check_runtime(project: Project, today: date | None = None) -> Iterator[Finding]:
    """One that can still be deployed, and the Python that was tested."""
    today = today or datetime.now(UTC).date()
    runtime = project.runtime
    known: dict[str, dict[str, str]] = project.cli.ask("runtime")
    if runtime not in known or not runtime.startswith("python"):
        names = ", ".join(name for name in known if name.startswith("python"))
        yield wrong(f"firebase.json names the runtime '{runtime}'; the CLI knows {names}.")
        return
    gone, deprecated = (date.fromisoformat(known[runtime][f"{what}Date"]) for what in ("decommission", "deprecation"))
    if gone <= today:
        yield wrong(f"{runtime} can be deployed no more since {gone}: name a newer one in firebase.json.")
    elif deprecated <= today:
        yield ok(f"{runtime} is deprecated, and can be deployed until {gone}.")
    else:
        yield ok(f"{runtime} is supported until {deprecated}.")
    try:
        version, _ = installed(project)
    except OSError:
        yield wrong("functions/venv is missing, and the CLI looks for the functions with it.", "make install")
        return
    here = f"python{version[0]}{version[1]}"
    if here != runtime:
        yield wrong(
            f"functions/venv is {here}, the cloud will be {runtime}: what is tested here is not what runs there.",
            f"rm -r functions/venv && make install PYTHON=python{runtime[6]}.{runtime[7:]}",
        )


def check_lock(project: Project) -> Iterator[Finding]:
    """requirements.txt is what was chosen in requirements.in, with hashes, and what is installed here."""
    locked = _locked(project.functions)
    text = (project.functions / "requirements.txt").read_text(encoding="utf-8")
    chosen = _CHOSEN.findall((project.functions / "requirements.in").read_text(encoding="utf-8"))
    yield from list(_lock_problems(project, text, locked, chosen)) or [
        ok(f"{len(locked)} packages, as chosen, with hashes, and as installed here.")
    ]


def _lock_problems(
    project: Project, text: str, locked: dict[str, tuple[str, str]], chosen: list[tuple[str, str]]
) -> Iterator[Finding]:
    for name, version in chosen:
        if locked.get(_canonical(name), ("none", ""))[0] != version:
            yield wrong(
                f"requirements.in names {name} {version}; requirements.txt has "
                f"{locked.get(_canonical(name), ('none', ''))[0]}.",
                "make lock",
            )
    if text.count("--hash=sha256:") < len(locked):
        yield wrong("requirements.txt has packages without a hash.", "make lock")
    _, here = installed(project)
    for name, (version, marker) in locked.items():
        if name in here and here[name][0] != version:
            yield wrong(f"{name} is {here[name][0]} here and {version} in requirements.txt.", "make install")
        elif name not in here and not marker:
            yield wrong(f"{name} is in requirements.txt, and not installed here.", "make install")


def check_wheels(project: Project, machine: tuple[str, str] | None = None) -> Iterator[Finding]:
    """Nothing has to be compiled in the cloud, where the runtime has no compiler to count on."""
    version, here = installed(project)
    names = [name for name in _locked(project.functions) if name in here]
    machine = machine or (platform.system(), platform.machine())
    if machine != CLOUD_MACHINE or project.runtime != f"python{version[0]}{version[1]}":
        some = [name for name in names if not any(tag.endswith("-none-any") for tag in here[name][1])]
        yield unknown(
            f"{len(some)} packages are built for each platform, and this machine is another than the cloud's: "
            + ", ".join(some),
            "pip download --only-binary :all: --platform manylinux_2_35_x86_64 --python-version "
            f"{project.runtime[6]}.{project.runtime[7:]} -r functions/requirements.txt -d build/wheels",
        )
        return
    unfit = [name for name in names if not any(_fits(tag) for tag in here[name][1])]
    for name in unfit:
        tags = ", ".join(here[name][1]) or "no wheel at all"
        yield wrong(f"{name} has no wheel for the cloud's Linux: what is installed here is {tags}.")
    if not unfit:
        yield ok(f"All {len(names)} packages are wheels that run on x86-64 Linux with glibc 2.35.")


def check_ffmpeg(project: Project) -> Iterator[Finding]:
    """Compositions need ffmpeg, which no runtime has: it comes with the package imageio-ffmpeg."""
    if "imageio-ffmpeg" not in _locked(project.functions):
        yield wrong("imageio-ffmpeg is not in requirements.txt: there would be no ffmpeg in the cloud.", "make lock")
        return
    told = subprocess.run(
        [project.python, "-c", FFMPEG], env=project.environ, capture_output=True, text=True, check=False
    )
    if told.returncode:
        reason = (told.stderr.strip().splitlines() or ["no reason"])[-1]
        yield wrong(f"The ffmpeg of imageio-ffmpeg does not run: {reason}.", "make install")
        return
    binary, _, encoders = told.stdout.partition("\n")
    missing = [name for name in ENCODERS if not re.search(rf"\b{name}\b", encoders)]
    if missing:
        yield wrong(f"{binary} has no encoder {', '.join(missing)}.")
    elif "linux-x86_64" in binary:
        yield ok(f"{binary} runs, and encodes {' and '.join(ENCODERS)}.")
    else:
        yield unknown(f"{binary} runs here; whether the one for x86-64 Linux does, is seen there.")


def installed(project: Project) -> tuple[tuple[int, int], dict[str, tuple[str, list[str]]]]:
    """The version of the functions' Python, and its packages: version and wheel tags. Raises OSError without one."""
    told = subprocess.run(
        [project.python, "-c", INSTALLED], env=project.environ, capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise OSError(told.stderr)
    version, packages = json.loads(told.stdout)
    found: dict[str, Any] = packages
    return (version[0], version[1]), {name: (entry[0], entry[1]) for name, entry in found.items()}


def _locked(functions: Path) -> dict[str, tuple[str, str]]:
    """Name: version and marker ("": for all platforms)."""
    text = (functions / "requirements.txt").read_text(encoding="utf-8")
    return {_canonical(name): (version, marker) for name, version, marker in _LOCKED.findall(text)}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _fits(tag: str) -> bool:
    """Whether a wheel with this tag runs in the cloud, where one of its platforms is enough."""
    if tag.endswith("-none-any"):
        return True
    for platform_tag in tag.rpartition("-")[2].split("."):
        if found := MANYLINUX.fullmatch(platform_tag):
            return found[1] is None or (int(found[1]), int(found[2])) <= CLOUD_GLIBC
    return False
