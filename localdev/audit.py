"""Known vulnerabilities in what is installed: pip-audit for both lock files, npm audit for package-lock.json.

    python -m localdev.audit

Both ask databases on the internet. Whoever could not ask knows nothing: that is no success (exit code 2). Found: 1.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ("functions/requirements.txt", "requirements-dev.txt")
SERIOUS = ("high", "critical")
"""Nothing of npm is deployed: what is less than this is counted, and no failure."""

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


def read_npm_audit(subject: str, answer: str, complaint: str) -> Audit:
    """What `npm audit --json` says."""
    try:
        report = json.loads(answer)
        flaws, counted = report["vulnerabilities"], report["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        told = _last_line("\n".join(line for line in complaint.splitlines() if "complete log" not in line))
        return Audit(subject, unknown=f"the registry's database could not be asked: {told}")
    serious = tuple(f"{name}: {flaw['severity']}" for name, flaw in flaws.items() if flaw["severity"] in SERIOUS)
    remarks = tuple(f"{name}: {flaw['severity']}" for name, flaw in flaws.items() if flaw["severity"] not in SERIOUS)
    return Audit(subject, counted, serious, remarks, "" if counted else "npm looked at no package")


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
    audits.append(read_npm_audit("package-lock.json", *_told(["npm", "audit", "--json"])))
    for audit in audits:
        print("\n".join(lines(audit)))
    codes = {audit.exit_code for audit in audits}
    return next((code for code in (1, 2) if code in codes), 0)


def _told(command: Sequence[str]) -> tuple[str, str]:
    """Standard output and standard error. Exit codes say less than what is printed."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
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
