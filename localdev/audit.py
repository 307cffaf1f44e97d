"""Known vulnerabilities in what is installed: pip-audit and npm audit, for two lock files each.

    python -m localdev.audit

Both ask databases on the internet. Whoever could not ask knows nothing: that is no success (exit code 2). Found: 1.
"""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ("functions/requirements.txt", "requirements-dev.txt")
NPM_LOCKS = ("package-lock.json", "web/package-lock.json")
SERIOUS = ("high", "critical")
"""Of npm's packages for development: what is less than this is counted, and no failure."""

PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Audit:
    """What is known of one list of packages. `unknown` says why nothing, or not all, is known; "": all is."""

    subject: str
    packages: int = 0
    found: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def exit_code(self) -> int:
        return 1 if self.found else 2 if self.unknown else 0


def read_pip_audit(subject: str, answer: str, complaint: str) -> Audit:
    """What `pip-audit --format json` says: `answer` is its standard output, `complaint` its standard error."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit(subject, unknown=f"the database of PyPI could not be asked: {_last_line(complaint)}")
    found = tuple(
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {' '.join(flaw['fix_versions']) or 'none'}"
        for package in packages
        for flaw in package.get("vulns", ())
    )
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    unknown = f"the database of PyPI has no answer for {len(skipped)} of {len(packages)} packages" if skipped else ""
    if not packages:
        unknown = "pip-audit looked at no package"
    return Audit(subject, len(packages), found, unknown=unknown)


def development_places(package_lock: Path) -> set[str]:
    """Where npm puts the packages that are for developers alone. What the studio page is made with is none of them."""
    packages = json.loads(package_lock.read_text())["packages"]
    return {place for place, package in packages.items() if package.get("dev")}


def read_npm_audit(subject: str, answer: str, complaint: str, development: Collection[str]) -> Audit:
    """What `npm audit --json` says. A flaw that is not in `development` alone is found, however small."""
    try:
        report = json.loads(answer)
        flaws, counted = report["vulnerabilities"], report["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        told = _last_line("\n".join(line for line in complaint.splitlines() if "complete log" not in line))
        return Audit(subject, unknown=f"the registry's database could not be asked: {told}")
    found, remarks = [], []
    for name, flaw in flaws.items():
        places = flaw.get("nodes")
        is_ours_alone = bool(places) and all(place in development for place in places)
        (remarks if is_ours_alone and flaw["severity"] not in SERIOUS else found).append(f"{name}: {flaw['severity']}")
    return Audit(subject, counted, tuple(found), tuple(remarks), "" if counted else "npm looked at no package")


def lines(audit: Audit) -> Sequence[str]:
    """The audit in words."""
    if audit.unknown:
        head = f"{audit.subject}: NOT AUDITED, {audit.unknown}"
    else:
        head = f"{audit.subject}: {audit.packages} packages, {len(audit.found)} with a known vulnerability"
    return [head, *(f"  {line}" for line in audit.found), *(f"  {line} (development only)" for line in audit.remarks)]


def main() -> int:
    """Ask, and print. The worst of the exit codes: a vulnerability counts more than a question without an answer."""
    audits = []
    for lock in LOCKS:
        command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        audits.append(read_pip_audit(lock, *_told([*command, "--format", "json", "--requirement", lock])))
    for lock in NPM_LOCKS:
        path = ROOT / lock
        audits.append(read_npm_audit(lock, *_told(["npm", "audit", "--json"], path.parent), development_places(path)))
    for audit in audits:
        print("\n".join(lines(audit)))
    codes = {audit.exit_code for audit in audits}
    return next((code for code in (1, 2) if code in codes), 0)


def _told(command: Sequence[str], folder: Path = ROOT) -> tuple[str, str]:
    """Standard output and standard error. Exit codes say less than what is printed."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {PATIENCE_SECONDS} s"
    except OSError as error:
        return "", f"{command[0]}: {error.strerror}"
    return done.stdout, done.stderr


def _last_line(text: str) -> str:
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return said[-1][:300] if said else "it said nothing"


if __name__ == "__main__":
    sys.exit(main())
