"""The queries that the studio page sends, read from its own code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from google.cloud.firestore_v1.types import StructuredQuery

SCRIPT = Path(__file__).with_name("sent_queries.mjs")
LIMIT_SECONDS = 120


def page_queries() -> dict[str, StructuredQuery]:
    """By the call that makes it: each function of web/src/data/queries.ts, with each kind of job."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js is needed for these tests: https://nodejs.org", pytrace=False)
    ran = subprocess.run([node, SCRIPT], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if ran.returncode != 0:
        pytest.fail(f"The page's queries cannot be read.\n{ran.stderr}", pytrace=False)
    return {name: StructuredQuery.from_json(json.dumps(sent)) for name, sent in json.loads(ran.stdout).items()}
