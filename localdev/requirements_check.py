"""Says in plain words what is missing before anything is installed. Runs on any Python 3.6, on the library it ships."""

import re
import shutil
import subprocess
import sys
from typing import Iterator, Optional, Tuple  # noqa: UP035  the words of an old Python: it must get as far as complaining


def missing_requirements(
    python: Tuple[int, int],  # noqa: UP006  as above
    node: Optional[Tuple[int, int]],  # noqa: UP006, UP045  as above
    has_npm: bool,
    has_venv: bool,
) -> Iterator[str]:
    """Sentences about what has to be installed by hand. `python` and `node` are (major, minor)."""
    if python < (3, 11):
        yield f"Python 3.11 or newer is needed; this is {python[0]}.{python[1]}. Try: make PYTHON=python3.11 ..."
    if python > (3, 14):
        yield f"Cloud Functions know Python 3.11 to 3.14; this is {python[0]}.{python[1]}. Try: make PYTHON=python3.12"
    if not has_venv:
        yield "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"
    if node is None:
        yield "Node.js 20.19 or newer is needed for the Firebase emulators and the studio page: https://nodejs.org"
    elif node < (20, 19) or (21, 0) <= node < (22, 12):
        yield f"Node.js 20.19, 22.12 or newer is needed; this is {node[0]}.{node[1]}. See https://nodejs.org"
    elif not has_npm:
        yield "npm is needed; it comes with Node.js."


def node_version() -> Optional[Tuple[int, int]]:  # noqa: UP006, UP045  as above
    """Major and minor version of Node.js on the PATH, or None."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    return (int(found.group(1)), int(found.group(2))) if found else None


def venv_works() -> bool:
    """Whether `python -m venv` will work: Debian ships it apart."""
    try:
        import ensurepip  # noqa: F401  its presence is the question
        import venv  # noqa: F401  as above
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    problems = list(
        missing_requirements(sys.version_info[:2], node_version(), shutil.which("npm") is not None, venv_works())
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)
