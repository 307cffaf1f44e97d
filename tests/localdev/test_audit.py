"""An audit that could not ask is no good audit."""

import json

import pytest

from localdev.audit import NPM_LOCKS, ROOT, Audit, development_places, lines, read_npm_audit, read_pip_audit

FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["1.0.1"], "aliases": [], "description": ""}
CLEAN = {"name": "a", "version": "1.0", "vulns": []}


def pip(*packages: dict[str, object]) -> Audit:
    return read_pip_audit("lock", json.dumps({"dependencies": packages, "fixes": []}), "")


def npm(severities: dict[str, str], total: int = 700, deployed: tuple[str, ...] = ()) -> Audit:
    """Of packages that are for development, but for those that are `deployed`."""
    flaws = {
        name: {"name": name, "severity": severity, "nodes": [f"node_modules/{name}"]}
        for name, severity in severities.items()
    }
    answer = json.dumps({"vulnerabilities": flaws, "metadata": {"dependencies": {"total": total}}})
    development = {f"node_modules/{name}" for name in severities if name not in deployed}
    return read_npm_audit("lock", answer, "", development)


def test_packages_without_known_flaws_pass():
    assert (pip(CLEAN).exit_code, npm({}).exit_code) == (0, 0)
    assert list(lines(pip(CLEAN))) == ["lock: 1 packages, 0 with a known vulnerability"]


def test_a_flaw_is_told_with_the_version_that_mends_it():
    audit = pip(CLEAN, {"name": "b", "version": "1.0", "vulns": [FLAW, {**FLAW, "fix_versions": []}]})
    assert audit.exit_code == 1
    assert audit.found == ("b 1.0: PYSEC-2026-1, mended in 1.0.1", "b 1.0: PYSEC-2026-1, mended in none")


def test_packages_that_the_database_does_not_know_are_not_audited():
    """pip-audit itself calls this a success: that is how an index without the database's answers looks."""
    skipped = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1.0)"}
    audit = pip(CLEAN, skipped)
    assert audit.exit_code == 2
    assert lines(audit)[0] == "lock: NOT AUDITED, the database of PyPI has no answer for 1 of 2 packages"


def test_a_flaw_counts_more_than_a_question_without_answer():
    audit = pip({"name": "b", "skip_reason": "?"}, {"name": "c", "version": "1", "vulns": [FLAW]})
    assert audit.exit_code == 1


@pytest.mark.parametrize("answer", ["", "Traceback", "[]", "{}", "null", '{"message": "405 Method Not Allowed"}'])
def test_no_answer_is_said_in_plain_words(answer: str):
    complaint = (
        "npm warn audit 405 Method Not Allowed\nnpm error audit endpoint returned an error\nnpm error A complete log"
    )
    for audit in (read_pip_audit("lock", answer, complaint), read_npm_audit("lock", answer, complaint, ())):
        assert audit.exit_code == 2
        assert "NOT AUDITED" in lines(audit)[0]
        assert "could not be asked: npm error" in lines(audit)[0]


def test_looking_at_nothing_is_no_success():
    """`npm audit --omit=dev` looks at nothing here, and reports no vulnerabilities."""
    assert (pip().exit_code, npm({}, total=0).exit_code) == (2, 2)


def test_of_development_tools_only_serious_flaws_fail():
    audit = npm({"a": "moderate", "b": "low"})
    assert (audit.exit_code, audit.remarks) == (0, ("a: moderate", "b: low"))
    assert npm({"a": "moderate", "b": "high"}).found == ("b: high",)
    assert npm({"c": "critical"}).exit_code == 1


def test_of_what_the_page_is_made_with_every_flaw_fails():
    audit = npm({"a": "low", "b": "moderate"}, deployed=("a",))
    assert (audit.exit_code, audit.found, audit.remarks) == (1, ("a: low",), ("b: moderate",))


@pytest.mark.parametrize("nodes", [["node_modules/a", "node_modules/b/node_modules/a"], [], None])
def test_a_flaw_that_may_be_anywhere_else_is_not_taken_for_one_of_development(nodes: list[str] | None):
    flaw = {"name": "a", "severity": "low"} | ({} if nodes is None else {"nodes": nodes})
    answer = json.dumps({"vulnerabilities": {"a": flaw}, "metadata": {"dependencies": {"total": 3}}})
    assert read_npm_audit("lock", answer, "", {"node_modules/a"}).found == ("a: low",)


def test_every_lock_file_of_npm_is_audited():
    found = [path for pattern in ("package-lock.json", "*/package-lock.json") for path in ROOT.glob(pattern)]
    assert {path.relative_to(ROOT).as_posix() for path in found} == {*NPM_LOCKS}


def test_what_the_page_is_made_with_is_not_for_development():
    own, page = (development_places(ROOT / lock) for lock in NPM_LOCKS)
    assert "node_modules/firebase-tools" in own
    assert "node_modules/vite" in page
    assert not {"node_modules/firebase", "node_modules/@firebase/firestore", "node_modules/preact"} & page
