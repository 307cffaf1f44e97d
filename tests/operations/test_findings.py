"""What people are shown of a smoke test, and of Firebase Auth."""

import io
import json

from firebase_admin.exceptions import PermissionDeniedError
from requests import Response
from rich.console import Console

from operations.auth_failures import reason_of
from operations.staging.findings import Finding, Report, show_report


def test_what_was_not_tried_is_told_in_a_line_and_not_in_a_row_each():
    findings = (
        Finding("sign in", "wrong", "a@b.c cannot sign in: INVALID_PASSWORD."),
        *(Finding(name, "not tried", "what it needs is missing") for name in ("image job", "usage")),
    )
    console = Console(file=io.StringIO(), width=80)
    show_report(Report("staging", "films-staging", "", "", 0.1, None, findings), console)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 of 3 checks failed" in told
    assert "Not tried: image job, usage." in told
    assert told.count("image job") == told.count("usage") == 1


def test_of_a_refusal_of_firebase_auth_its_sentence_is_told():
    response = Response()
    response.status_code = 403
    response._content = json.dumps({"error": {"code": 403, "message": "The API is off.", "errors": []}}).encode()
    refused = PermissionDeniedError('Unexpected response. Raw: {"error": ...}', http_response=response)
    assert reason_of(refused) == "The API is off"
    assert reason_of(ValueError("Malformed address.\nMore")) == "Malformed address"
