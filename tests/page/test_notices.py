"""What the licences of the page's packages ask for goes with the page: a build has them all, with their texts."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
OF_NODE_MODULES = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/(?!.*node_modules/)")
RULE = "-" * 80
ASKED_FOR = {
    "Apache-2.0": ("Apache License", "TERMS AND CONDITIONS FOR USE", "END OF TERMS AND CONDITIONS"),
    "MIT": ("Copyright (c)", "Permission is hereby granted", 'THE SOFTWARE IS PROVIDED "AS IS"'),
    "ISC": ("Copyright (c)", "Permission to use, copy, modify", 'THE SOFTWARE IS PROVIDED "AS IS"'),
}
"""Words from the beginning, the middle and the end of each licence."""


def build(web: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = ["node", str(WEB / "node_modules/vite/bin/vite.js"), "build", "--outDir", str(out), "--emptyOutDir"]
    return subprocess.run(command, cwd=web, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the page."""
    out = tmp_path_factory.mktemp("page") / "dist"
    done = build(WEB, out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def sections(text: str) -> Iterator[tuple[list[tuple[str, str]], str]]:
    """The packages (name and licence) and the text below them, for each text of a licence."""
    _, *parts = text.split(f"{RULE}\n")
    for titles, body in zip(parts[::2], parts[1::2], strict=True):
        matches = [re.fullmatch(r"(\S+) \d\S* \((.+)\)", line) for line in titles.splitlines()]
        yield [(match[1], match[2]) for match in matches if match], body


def bundled(built: Path) -> set[str]:
    """The packages whose files are in the page's code, as its source maps tell."""
    maps = [json.loads(path.read_text()) for path in built.glob("assets/*.js.map")]
    found = (OF_NODE_MODULES.search(source) for one in maps for source in one["sources"])
    return {match[1] for match in found if match}


def test_every_package_that_is_bundled_is_named_and_no_other(built: Path):
    named = [name for titles, _ in sections((built / "licences.txt").read_text()) for name, _ in titles]
    assert {"preact", "sortablejs", "@firebase/firestore", "blurhash"} <= bundled(built)
    assert sorted(named) == sorted(bundled(built))


def test_every_package_has_the_text_of_its_licence(built: Path):
    for titles, text in sections((built / "licences.txt").read_text()):
        for name, licence in titles:
            places = [text.find(words) for words in ASKED_FOR[licence]]
            assert -1 not in places, name
            assert places == sorted(places), name


def test_a_package_has_its_own_text_where_it_brings_one(built: Path):
    without = set()
    for titles, text in sections((built / "licences.txt").read_text()):
        for name, licence in titles:
            own = [path.read_text().split() for path in (WEB / "node_modules" / name).glob("LICEN[SC]E*")]
            assert own in ([], [text.split()]), name
            without |= set() if own else {name if licence == "MIT" else licence}
    assert without == {"Apache-2.0", "blurhash"}, "what web/notices has to hold"


def test_the_page_links_to_them_and_hosting_does_not_leave_them_out(built: Path):
    code = "".join(path.read_text() for path in built.glob("assets/*.js"))
    assert re.search(r"href:.\/licences\.txt", code)
    ignored = json.loads((ROOT / "firebase.json").read_text())["hosting"]["ignore"]
    assert not any(fnmatch("/licences.txt", pattern) for pattern in ignored)
    assert {path.name for path in built.iterdir()} == {"assets", "favicon.svg", "index.html", "licences.txt"}


def test_a_package_without_a_text_fails_the_build(tmp_path: Path):
    """In a page of its own, with the plugin of ours."""
    page = tmp_path / "web"
    silent = page / "node_modules" / "silent"
    silent.mkdir(parents=True)
    (silent / "package.json").write_text('{"name": "silent", "version": "1.0.0", "license": "MIT", "main": "a.js"}')
    (silent / "a.js").write_text("export const word = document.title;")
    (page / "node_modules" / "vite").symlink_to(WEB / "node_modules" / "vite")
    (page / "index.html").write_text('<script type="module" src="/main.js"></script>')
    (page / "main.js").write_text('import { word } from "silent"; console.log(word);')
    shutil.copy(WEB / "notices.ts", page)
    shutil.copytree(WEB / "notices", page / "notices")
    (page / "vite.config.ts").write_text(
        'import { notices } from "./notices.ts";\nexport default { plugins: [notices()] };\n'
    )
    done = build(page, tmp_path / "dist")
    assert done.returncode != 0
    assert "silent (MIT) brings no text of its licence" in done.stdout + done.stderr
    (silent / "LICENSE").write_text("Copyright (c) nobody")
    assert build(page, tmp_path / "dist").returncode == 0
    assert "Copyright (c) nobody" in (tmp_path / "dist" / "licences.txt").read_text()
