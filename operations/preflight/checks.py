"""Every check, in the order in which a deploy would meet what it looks for. One that fails does not stop the next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from operations.preflight.account import check_account
from operations.preflight.declarations import check_discovery, check_functions, check_import
from operations.preflight.findings import Finding, Verdict, unknown, verdict_of, wrong
from operations.preflight.firebase_cli import Refused, RefusedBefore
from operations.preflight.firestore import check_indexes, check_rules
from operations.preflight.names import check_project
from operations.preflight.packages import check_ffmpeg, check_lock, check_runtime, check_wheels
from operations.preflight.project import Project
from operations.preflight.secret_values import check_secrets
from operations.preflight.settings import check_dotenv_files, check_region, check_settings, check_webhook
from operations.preflight.upload import check_upload
from pipeline.domain.errors import ConfigurationError

CHECKS: dict[str, Callable[[Project], Iterator[Finding]]] = {
    "project": check_project,
    "dotenv files": check_dotenv_files,
    "settings": check_settings,
    "webhook": check_webhook,
    "region": check_region,
    "runtime": check_runtime,
    "functions": check_functions,
    "discovery": check_discovery,
    "import": check_import,
    "lock file": check_lock,
    "wheels": check_wheels,
    "ffmpeg": check_ffmpeg,
    "upload": check_upload,
    "rules": check_rules,
    "indexes": check_indexes,
    "secrets": check_secrets,
    "account": check_account,
}


@dataclass(frozen=True)
class Report:
    """What one check said."""

    name: str
    findings: list[Finding]

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.findings)


def run_check(name: str, project: Project) -> Report:
    """A check that cannot go on says so, too."""
    findings = []
    try:
        for finding in CHECKS[name](project):
            findings.append(finding)  # what was said before a refusal stays
    except RefusedBefore:
        findings.append(unknown("What is wrong above has to be mended first."))
    except Refused as refusal:
        findings.append(wrong(f"The CLI refuses: {refusal}"))
    except ConfigurationError as error:
        findings.append(wrong(str(error)))
    except (OSError, ValueError, KeyError) as error:
        findings.append(unknown(f"The check itself failed: {type(error).__name__}: {error}"))
    return Report(name, findings)


def run_checks(project: Project, names: Sequence[str] = ()) -> Iterator[Report]:
    """These, or all of them, one after the other."""
    for name in names or CHECKS:
        yield run_check(name, project)
