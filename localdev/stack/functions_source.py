"""What functions/ declares, and the values that its declared parameters get.

The functions emulator asks on the terminal for every declared parameter without a value in a dotenv file, even when
it was started as non-interactive, and writes the answers into functions/.env.local. So all values are put into a
dotenv file of the stack's own before it starts, in a directory that its configuration names (`configDir`).
Reading the declarations here also tells a broken functions/main.py with its whole traceback, before anything runs.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localdev.stack.errors import StackError

_DECLARATIONS = """
import json, sys, yaml
from firebase_functions.private import serving
manifest = yaml.safe_load(serving.functions_as_yaml(serving.get_functions()))
json.dump([sys.version_info[:2], manifest.get("endpoints", {}), manifest.get("params", [])], sys.stdout)
"""
_ASSIGNMENT = re.compile(r"""\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*('[^']*'|"(?:[^"\\]|\\.)*"|[^#\n]*)""")


@dataclass(frozen=True)
class Parameter:
    """A declared parameter; `default` as a dotenv file would hold it, None where there is none."""

    name: str
    is_secret: bool
    default: str | None


@dataclass(frozen=True)
class Declarations:
    """What `main.py` declares."""

    runtime: str
    """As firebase.json names it: python311, ..."""
    functions: tuple[str, ...]
    scheduled: tuple[str, ...]
    parameters: tuple[Parameter, ...]


def read_declarations(functions_dir: Path, environment: Mapping[str, str]) -> Declarations:
    """Import main.py in the functions' own environment. Raises StackError with the traceback where that fails."""
    python = functions_dir / "venv" / "bin" / "python"
    if not python.exists():
        raise StackError(
            f"{functions_dir / 'venv'} is missing: make it with `make install`, or with `python3.11 -m venv "
            "functions/venv && functions/venv/bin/pip install -r functions/requirements.txt`."
        )
    answer = subprocess.run(
        [python, "-c", _DECLARATIONS],
        cwd=functions_dir,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise StackError(f"{functions_dir / 'main.py'} cannot be loaded:\n{answer.stderr.strip()}")
    version, endpoints, parameters = json.loads(answer.stdout.splitlines()[-1])
    return Declarations(
        runtime="python" + "".join(map(str, version)),
        functions=tuple(sorted(endpoints)),
        scheduled=tuple(sorted(name for name, endpoint in endpoints.items() if "scheduleTrigger" in endpoint)),
        parameters=tuple(_parameter(declared) for declared in parameters),
    )


def parameter_values(
    declarations: Declarations, functions_dir: Path, environ: Mapping[str, str], stack_values: Mapping[str, str]
) -> dict[str, str]:
    """A value for every declared parameter but the secrets, and what else the developer's dotenv files hold.

    The stack's own values win, then the shell's, then functions/.env.local, functions/.env, and the defaults.
    """
    values = {p.name: p.default for p in declarations.parameters if p.default is not None and not p.is_secret}
    for name in (".env", ".env.local"):
        values |= read_dotenv(functions_dir / name)
    declared = {p.name for p in declarations.parameters if not p.is_secret}
    values |= {name: environ[name] for name in declared if name in environ}
    values |= {name: value for name, value in stack_values.items() if name in declared or name in values}
    if missing := sorted(declared - values.keys()):
        raise StackError(
            f"functions/main.py declares {', '.join(missing)} without a default: set a value in functions/.env."
        )
    return values


def read_dotenv(path: Path) -> dict[str, str]:
    """The assignments in a dotenv file; {} where there is no file."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if (assignment := _ASSIGNMENT.match(line)) and not line.lstrip().startswith("#"):
            found[assignment.group(1)] = _unquoted(assignment.group(2).strip())
    return found


def write_dotenv(path: Path, values: Mapping[str, str]) -> None:
    """Write assignments that firebase-tools reads back as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}={_quoted(value)}\n" for name, value in values.items()), encoding="utf-8")
    path.chmod(0o600)


def _parameter(declared: Mapping[str, object]) -> Parameter:
    default = declared.get("default")
    if isinstance(default, bool):
        default = "true" if default else "false"
    elif isinstance(default, list):
        default = json.dumps(default)
    return Parameter(
        name=str(declared["name"]),
        is_secret=declared.get("type") == "secret",
        default=None if default is None else str(default),
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    if value[:1] == value[-1:] == "'" and len(value) > 1:
        return value[1:-1]
    if value[:1] == value[-1:] == '"' and len(value) > 1:
        return value[1:-1].replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    return value
