"""The examples of docs/frontend.md and of the README are right: type-checked as they stand, and run in their order.

A block of `ts` is run, by Node, with Firebase's SDK, against the stack. One of `typescript` is for a browser, or tells
of another way: it is only type-checked. Readers see no difference.
"""

import base64
import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from localdev.demo.music import write_music
from localdev.stack import PROJECT_ID, LocalStack
from localdev.stack.hosting import defaults
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.jobs import JobKind

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
PAGE = Path(__file__).with_name("guide")
GUIDE = ROOT / "docs" / "frontend.md"
PAGE_IMPORTS = 'import { email, music, password, show } from "./page";\n'
LIMIT_SECONDS = 240.0


@dataclass(frozen=True)
class Ran:
    """What the examples have shown, and what then was in Firestore."""

    uid: str
    shown: list[list[Any]]
    jobs: dict[JobKind, list[dict[str, Any]]]

    def jobs_with(self, kind: JobKind, **fields: Any) -> list[dict[str, Any]]:
        return [job for job in self.jobs[kind] if all(job.get(name) == value for name, value in fields.items())]


def blocks(text: str, *languages: str) -> list[str]:
    """The blocks of code in Markdown, as they stand there."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [code for language, code in found if language in languages]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A frontend: the two files that are copied, the SDK, and a page around them."""
    frontend = tmp_path / "frontend"
    shutil.copytree(PAGE, frontend, ignore=shutil.ignore_patterns("*.mjs"))
    shutil.copytree(WEB / "src" / "pipeline", frontend / "pipeline")
    (frontend / "node_modules").symlink_to((WEB / "node_modules").resolve())
    return frontend


@pytest.fixture
def run(folder: Path, stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Ran]:
    """Runs TypeScript as a frontend of the stack, by a new user."""

    def run_examples(code: str) -> Ran:
        (folder / "examples.ts").write_text(code)
        environment = {
            "__FIREBASE_DEFAULTS__": base64.b64decode(defaults(stack.urls)).decode(),
            "GUIDE_EMAIL": f"{uuid.uuid4().hex[:8]}@example.com",
            "GUIDE_MUSIC": str(write_music(folder / "music.m4a")),
        }
        for name, value in (stack.environment() | environment).items():
            monkeypatch.setenv(name, value)
        command = [shutil.which("node") or "node", PAGE / "run.mjs", folder / "examples.ts"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = json.loads(ended.stdout.splitlines()[-1])  # Firebase warns of its emulators before
        return Ran(told["uid"], told["shown"], jobs_of(told["uid"]))

    return run_examples


def jobs_of(uid: str) -> dict[JobKind, list[dict[str, Any]]]:
    administrator = firestore.Client(project=PROJECT_ID)
    mine = firestore.FieldFilter("user_id", "==", uid)
    found = {
        kind: [job.to_dict() or {} for job in administrator.collection(kind.collection).where(filter=mine).stream()]
        for kind in JobKind
    }
    administrator.close()
    return found


def test_the_examples_have_the_right_types(folder: Path):
    """With web's compiler, against the two files that readers copy, as strict as `strict` is."""
    examples = blocks(GUIDE.read_text(), "ts", "typescript")
    assert len(examples) > 10
    (folder / "examples.ts").write_text(PAGE_IMPORTS + "\n".join(examples))
    options = json.loads((WEB / "tsconfig.json").read_text())["compilerOptions"]
    options |= {"types": [], "noUncheckedIndexedAccess": False, "noUnusedLocals": False}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts", "pipeline"]}))
    command = [WEB / "node_modules" / ".bin" / "tsc", "--project", folder / "tsconfig.json"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.e2e
def test_the_examples_make_a_film(run: Callable[[str], Ran], saved: Callable[[str, str], Path]):
    ran = run(PAGE_IMPORTS + "\n".join(blocks(GUIDE.read_text(), "ts")))
    assert [job["status"] for job in ran.jobs[JobKind.IMAGE]] == ["complete"] * 2
    (dry,) = ran.jobs_with(JobKind.MULTI_VIDEO, dry_run=True)
    assert dry["estimated_cost_usd"] > 0
    (clips,) = ran.jobs_with(JobKind.MULTI_VIDEO, status="complete", scene_errors=[])
    assert [clip["scene_number"] for clip in clips["clips"]] == [1, 2]
    (film,) = ran.jobs[JobKind.COMPOSITION]
    assert film["status"] == "complete"
    probe = probe_media(saved(film["video_url"], "film.mp4"))
    assert probe.audio is not None
    (refused,) = ran.jobs_with(JobKind.VIDEO, status="error")
    (canceled,) = ran.jobs_with(JobKind.VIDEO, status="canceled")
    (again,) = ran.jobs_with(JobKind.VIDEO, status="complete")
    assert again["retry_of"] == canceled["job_id"]
    told = [" ".join(str(one) for one in line) for line in ran.shown]
    assert [refused["error"]["message"], "unsafe_url"] in ran.shown
    assert [film["video_url"], film["poster_url"], film["duration"]] in ran.shown
    assert {"2 of 2 scenes move.", "canceled", "complete", "A lighthouse at dusk complete 100"} <= set(told)
    assert any(line.startswith("It will cost 0.") for line in told)
    assert any(re.fullmatch(r"Spent today: 0\.\d+ dollars", line) for line in told)
    steps = [line for line in ran.shown if isinstance(line[0], str) and line[0] in film["steps"]]
    assert sorted(line[0] for line in steps) == sorted(film["steps"])
    assert all(began <= ended for _, began, ended, *_ in steps)


@pytest.mark.e2e
def test_the_readmes_example_shows_a_picture(run: Callable[[str], Ran]):
    (example,) = blocks((ROOT / "README.md").read_text(), "js")
    sign_in, storyboard, *_ = blocks(GUIDE.read_text(), "ts")
    before = 'import { onSnapshot, setDoc } from "firebase/firestore";\nimport { complain, shown } from "./page";\n'
    scene = 'batch.set(doc(db, "scenes", "scene-1"), { user_id: user.uid });\nawait batch.commit();'
    shown = "while (!shown.length) await new Promise((wake) => setTimeout(wake, 50));"
    begun = storyboard.replace("await batch.commit();", scene)
    ran = run("\n".join([PAGE_IMPORTS, before, sign_in, begun, "const auth = getAuth(app);", example, shown]))
    (picture,) = ran.jobs[JobKind.IMAGE]
    assert ran.shown == [[picture["image_url"]]]
