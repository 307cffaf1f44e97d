"""Compile security rules with the Firestore emulator: `python -m localdev.rules_compiler firestore.rules ...`.

Prints a JSON list with a list of problems for each file, [] where there are none. Exits with 0 when all files could be
compiled or refused, with 1 and a sentence when no emulator could be started. Its parser takes the rules of Storage too.
"""

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from localdev.stack.emulators import PROJECT_ID
from localdev.stack.errors import StackError
from localdev.stack.firestore_emulator import FirestoreEmulator


def problems_of(rules: Path, address: str) -> list[str]:
    """What the emulator at host:port finds wrong: syntax, and names that nothing defines."""
    content = {"rules": {"files": [{"name": rules.name, "content": rules.read_text(encoding="utf-8")}]}}
    request = urllib.request.Request(
        f"http://{address}/emulator/v1/projects/{PROJECT_ID}:securityRules",
        json.dumps(content).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            issues = json.load(answer).get("issues", [])
    except urllib.error.HTTPError as refusal:
        return str(json.load(refusal)["error"]["message"]).splitlines()[1:]
    return [f"L{issue['sourcePosition']['line']} {issue['description']}" for issue in issues]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with FirestoreEmulator(Path(folder), java_options=["-XX:TieredStopAtLevel=1"]) as emulator:
                found = [problems_of(Path(name), emulator.address) for name in sys.argv[1:]]
        except (StackError, OSError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
