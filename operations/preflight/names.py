"""The project behind the alias: somebody's own, and nobody else's too."""

import re
from collections.abc import Iterator

from operations.preflight.findings import Finding, ok, wrong
from operations.preflight.project import Project

PLACEHOLDER = re.compile(r"words-to-video-(dev|staging|prod)")
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
HOW = "npx firebase projects:list"


def check_project(project: Project) -> Iterator[Finding]:
    """The id of an existing project cannot be known here; that it is no placeholder can."""
    alias, name = project.alias, project.project_id
    if PLACEHOLDER.fullmatch(name):
        yield wrong(f"{alias} is still the placeholder {name}: put your project's id into .firebaserc.", HOW)
    elif not PROJECT_ID.fullmatch(name):
        yield wrong(
            f"'{name}' is no project id: 6 to 30 small letters, digits and hyphens, a letter first (.firebaserc).", HOW
        )
    else:
        yield ok(f"{alias} is the project {name}.")
    for other, its_project in project.aliases.items():
        if its_project == name and "default" not in (other, alias) and other != alias:
            yield wrong(f"{other} is the same project as {alias}: what is tried out in one happens in the other.")
