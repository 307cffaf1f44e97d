"""README.md and docs/ read as one: what they link to, and the commands, files and tasks that they name, are there."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
TASK = re.compile(r"(?:^|`|&& )make ([a-z]+)\b", re.MULTILINE)
MODULE = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")
NAMED = re.compile(
    r"`((?:functions|localdev|migration|operations|tests|web|docs|api|domain|handlers|adapters|repositories)"
    r"/[\w./-]+\.(?:py|ts|tsx|md|json|yaml|mjs|js|rules))`"
)
LAYERS = ("api", "domain", "handlers", "adapters", "repositories")
NOT_OURS = {"pip", "venv"}


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(FENCE.sub("", page.read_text())):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


def links(page: Path) -> Iterator[str]:
    yield from LINK.findall(FENCE.sub("", page.read_text()))


def tasks() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tasks_modules_and_files_that_a_page_names_are_there(page: Path):
    text = page.read_text()
    assert set(TASK.findall(text)) - tasks() == set()
    for module in set(MODULE.findall(text)) - NOT_OURS:
        assert importlib.util.find_spec(module) is not None, module
    for name in NAMED.findall(text):
        home = ROOT / "functions/pipeline" if name.partition("/")[0] in LAYERS else ROOT
        assert (home / name).exists(), name


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        named = [link.partition("#")[0] for link in links(page) if not re.match(r"[a-z]+:", link)]
        waiting += [(page.parent / name).resolve() for name in named if name.endswith(".md")]
    assert {page.name for page in PAGES} - {page.name for page in reached} == set()


def test_every_task_is_told_of():
    told = {name for page in PAGES for name in TASK.findall(page.read_text())}
    assert tasks() - told - {"help"} == set()
