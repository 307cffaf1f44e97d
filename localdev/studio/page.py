"""The built page: made anew where a source is newer."""

import subprocess
from pathlib import Path

from localdev.stack.errors import StackError

NOT_SOURCES = ("node_modules", "dist")


def built_page(web: Path) -> Path:
    """The folder with the page of the project in `web`, built where need be. Raises StackError with npm's words."""
    if not (web / "package.json").is_file():
        raise StackError(f"{web / 'package.json'} is missing: there is no page to build.")
    if is_stale(web):
        build_page(web)
    return web / "dist"


def build_page(web: Path, *options: str) -> None:
    """Build it anew; `options` are Vite's. Raises StackError with npm's words."""
    built = subprocess.run(
        ["npm", "run", "build", "--", *options],  # noqa: S607 - the npm on PATH
        cwd=web,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise StackError(f"The page cannot be built:\n{built.stdout}{built.stderr}".rstrip())


def is_stale(web: Path) -> bool:
    """Whether there is no built page, or a source is newer than it."""
    page = web / "dist" / "index.html"
    if not page.is_file():
        return True
    built_at = page.stat().st_mtime
    return any(path.stat().st_mtime > built_at for path in _sources(web))


def _sources(web: Path) -> list[Path]:
    top = [entry for entry in web.iterdir() if entry.name not in NOT_SOURCES]
    folders = [entry for entry in top if entry.is_dir()]
    return [path for path in (*top, *(path for folder in folders for path in folder.rglob("*"))) if path.is_file()]
