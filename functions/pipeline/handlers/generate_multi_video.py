"""Clips for many scenes at once. One scene's failure costs the others nothing: finished clips are kept.

scenes     1  2  3  4  5        at most MAX_PARALLEL_SCENES are with the provider at a time
turn 1     ▶  ▶  ▶  .  .        ordered
turn 2     ✓  …  ✗  ▶  ▶        stored, still waiting, failed, ordered in the room that became free
turn 3        ✓     ✓  ✓        error `partial_failure`: clips 1, 2, 4, 5 and the reason for 3
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.adapters import logger
from pipeline.adapters.threads import Threads
from pipeline.domain.clip_names import style_slug
from pipeline.domain.errors import ContentRejected, JobError, PartialFailure
from pipeline.domain.model_inputs import scene_adjustments
from pipeline.domain.outcomes import Completed, DocumentUpdate, Failed, WakeLater
from pipeline.domain.requests import MultiVideoRequest, SceneRequest, parse_request
from pipeline.domain.scene_words import Scene, SceneWords, template_words
from pipeline.domain.schema_versions import known
from pipeline.handlers.clips import ClipPlace, ClipWork, StoredClip, clip_terms_of, make_clip
from pipeline.handlers.dual_write import keep_manifest
from pipeline.handlers.named_documents import read_named_documents
from pipeline.handlers.scene_words import Worded, Writer, moderate_before_writing
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import StepFailed, Turn
from pipeline.repositories.scenes import scene_failed, scene_generating, scene_ready

WORKERS = 4
"""Scenes worked on at the same moment in one turn: each may hold a clip on the disk, which is memory."""

WRITERS = 10
"""Scenes whose words are written at the same moment."""

SECONDS_TO_STORE = 45.0
"""A turn with less time than this left starts no further scene."""


@dataclass(frozen=True)
class Board:
    """What the clips of this job have in common."""

    video_id: str
    style: str


@dataclass(frozen=True)
class AllWords:
    """What was written for scenes, by their numbers (as text: keys of a document are)."""

    of_scenes: Mapping[str, Mapping[str, str]]


def generate_multi_video(turn: Turn, desk: Desk, tools: Tools) -> Completed | Failed:
    """Bring all scenes as far as they can go now."""
    request = parse_request(MultiVideoRequest, turn.fields)
    board = turn.run_step("place", Board, lambda: _place(turn, request, desk, tools))
    worded = turn.run_step("prompt", AllWords, lambda: _word(turn, request, desk, tools))
    progress = _Progress(turn, request.scenes)
    waits = _advance_scenes(turn, _works(request, board, worded), progress, tools)
    if waits:
        if progress.clips():  # once a turn, not once a clip: stores take about one write a second to one key
            keep_manifest(turn, f"manifest_of_{len(progress.clips())}", board.video_id, tools)
        raise WakeLater(min(waits))
    tools.videos(turn.user_id).update_clip_statistics(board.video_id)
    results = {"clips": progress.clips(), "scene_errors": progress.errors()}
    if progress.failed:
        return Failed(_partial_failure(progress), results)
    if request.storyboard_id is None:
        tools.videos(turn.user_id).update_video_status(board.video_id, "completed")
    keep_manifest(turn, "manifest", board.video_id, tools)
    logger.info(f"[Multi-Video Generation] Successfully generated {len(request.scenes)} clips")
    return Completed(results)


def _place(turn: Turn, request: MultiVideoRequest, desk: Desk, tools: Tools) -> Board:
    """Check everything the job names before any money is spent."""
    named = read_named_documents(request, desk)
    title, style = str(named.storyboard.get("title") or ""), str(named.storyboard.get("style") or "")
    video_id = request.storyboard_id or turn.origin_job_id
    tools.videos(turn.user_id).create_or_update_video(
        video_id=video_id,
        video_title=title or request.scenes[0].description[:80],
        status="processing",
        created_by=turn.ref.path,
    )
    turn.adjust(scene_adjustments([clip_terms_of(wish, tools.settings) for wish in request.wishes]))
    turn.write({"stage": "place"}, [scene_generating(scene_id, "video") for scene_id in named.scenes])
    return Board(video_id=video_id, style=style_slug(style))


def _word(turn: Turn, request: MultiVideoRequest, desk: Desk, tools: Tools) -> AllWords:
    """The words of all scenes, written at once; where nobody writes, nothing is read for it."""
    if tools.settings.prompt_writer != "openai":
        return AllWords({})
    named = read_named_documents(request, desk)
    writer = Writer(desk, tools)
    writer.tell_story(request.user_id, request.storyboard_id, named.storyboard)
    if request.storyboard_id is None:
        writer.tell_scenes(tuple(scene.description for scene in request.scenes))

    def worded(scene: SceneRequest) -> Worded:
        document = named.scenes.get(scene.scene_id or "", {})
        style = str(document.get("style_prompt") or "")
        try:
            noted = moderate_before_writing([scene.description, style], named.storyboard, tools)
        except ContentRejected:  # it is no writer's business, and fails when its clip is to be ordered
            return Worded(template_words(Scene(scene.description, style)))
        worded = writer.words(scene.description, style, scene.scene_id, document)
        return replace(worded, adjustments=(*noted, *worded.adjustments))

    with Threads(max_workers=WRITERS) as pool:
        written = list(pool.map(worded, request.scenes))
    for number, one in enumerate(written):
        turn.adjust(replace(noted, field=f"scenes.{number}.{noted.field}") for noted in one.adjustments)
    turn.write({}, [update for one in written for update in one.kept])
    of_scenes = zip(request.scenes, written, strict=True)
    return AllWords({str(scene.scene_number): _kept(one.words) for scene, one in of_scenes if _is_written(one.words)})


def _is_written(words: SceneWords) -> bool:
    return words.source != "template"


def _kept(words: SceneWords) -> Mapping[str, str]:
    """What a clip needs of them."""
    return {**asdict(words), "image_prompt": words.title}


def _words_of(scene: SceneRequest, worded: AllWords) -> SceneWords:
    """The words of a scene. The template is not kept: its texts, of fifty scenes, would fill a job's document."""
    written = worded.of_scenes.get(str(scene.scene_number))
    return SceneWords(**known(SceneWords, written)) if written else template_words(Scene(scene.description))


def _works(request: MultiVideoRequest, board: Board, worded: AllWords) -> Mapping[int, ClipWork]:
    """What is to be made, by the scenes' numbers."""
    starts = _start_seconds(request.scenes)
    return {
        scene.scene_number: ClipWork(
            image_url=scene.seed_image_url,
            words=_words_of(scene, worded),
            wish=request.wish(scene),
            place=ClipPlace(
                board.video_id, scene.scene_number, scene.description, board.style, starts[scene.scene_number]
            ),
            seed=request.seed_of(scene),
            predict_step=f"scene_{scene.scene_number}_predict",
            store_step=_store_step(scene),
            prefix=f"scenes.{place_in_list}.",
            keeps_prompt=False,
        )
        for place_in_list, scene in enumerate(request.scenes)
    }


def _advance_scenes(turn: Turn, works: Mapping[int, ClipWork], progress: "_Progress", tools: Tools) -> Sequence[float]:
    """Work until every scene is settled or waits. Returns the waits in seconds."""
    waits: dict[int, float] = {}

    def work(scene: SceneRequest) -> None:
        try:
            progress.stored(scene, make_clip(turn, works[scene.scene_number], tools))
        except WakeLater as later:
            waits[scene.scene_number] = later.wake_after_seconds
        except StepFailed as failed:
            progress.failure(scene, failed.error)

    with Threads(max_workers=WORKERS) as pool:
        while turn.seconds_left > SECONDS_TO_STORE:
            room = tools.settings.max_parallel_scenes - len(waits)
            batch = [s for s in progress.scenes if s.scene_number not in waits and not progress.settled(s)][:room]
            if not batch:
                return list(waits.values())
            for _ in pool.map(work, batch):
                pass
    return [*waits.values(), 0.0]


def _store_step(scene: SceneRequest) -> str:
    return f"scene_{scene.scene_number}_store"


def _start_seconds(scenes: Sequence[SceneRequest]) -> Mapping[int, float]:
    """Where each clip starts in the story, if every clip gets the duration it was asked for."""
    starts, at = {}, 0.0
    for scene in scenes:
        starts[scene.scene_number] = at
        at += scene.duration
    return starts


def _partial_failure(progress: "_Progress") -> JobError:
    reasons = [f"scene {error['scene_number']}: {error['message']}" for error in progress.errors()]
    if not progress.clips() and len({type(error) for error in progress.failed.values()}) == 1:
        first = next(iter(progress.failed.values()))
        return type(first)(f"No scene succeeded; {reasons[0]}", **first.details)
    total = len(progress.failed) + len(progress.clips())
    is_ours = any(error.is_ours for error in progress.failed.values())
    return PartialFailure(f"{len(progress.failed)} of {total} scenes failed; {'; '.join(reasons[:5])}", is_ours=is_ours)


def _settled_numbers(fields: Mapping[str, Any]) -> set[int]:
    """The scenes that earlier turns have written to the job."""
    entries = [entry for name in ("clips", "scene_errors") for entry in _list(fields.get(name))]
    numbers = [entry.get("scene_number") for entry in entries if isinstance(entry, dict)]
    return {number for number in numbers if isinstance(number, int)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _ready(scene_id: str, clip: StoredClip) -> DocumentUpdate:
    return scene_ready(scene_id, "video", clip.video_url)


class _Progress:
    """Which scenes are settled, shown on the job as they settle. Used by several threads."""

    def __init__(self, turn: Turn, scenes: Sequence[SceneRequest]) -> None:
        self._turn = turn
        self.scenes = scenes
        self._lock = threading.Lock()
        self._shown_before = _settled_numbers(turn.fields)
        # what earlier turns have stored is shown from the first write on, also before this turn comes to it
        stored = {scene.scene_number: turn.finished(_store_step(scene), StoredClip) for scene in scenes}
        self._stored_before = {number: clip for number, clip in stored.items() if clip is not None}
        self._clips: dict[int, StoredClip] = {}
        self.failed: dict[int, JobError] = {}
        # marks that are not written: the next write, which lists their scenes as settled, takes them along
        unshown = self._stored_before.keys() - self._shown_before
        self._unwritten: dict[int, DocumentUpdate] = {
            scene.scene_number: _ready(scene.scene_id, self._stored_before[scene.scene_number])
            for scene in scenes
            if scene.scene_number in unshown and scene.scene_id is not None
        }

    def settled(self, scene: SceneRequest) -> bool:
        return scene.scene_number in self._clips or scene.scene_number in self.failed

    def stored(self, scene: SceneRequest, clip: StoredClip) -> None:
        with self._lock:
            self._clips[scene.scene_number] = clip
            self._show(scene, lambda scene_id: _ready(scene_id, clip))

    def failure(self, scene: SceneRequest, error: JobError) -> None:
        with self._lock:
            self.failed[scene.scene_number] = error
            self._show(scene, lambda scene_id: scene_failed(scene_id, "video", error.message))

    def clips(self) -> list[Mapping[str, Any]]:
        """The finished clips in the order of the scenes, as a composition takes them."""
        clips = {**self._stored_before, **self._clips}
        return [
            {"scene_number": number, **clips[number].as_result()}
            for number in (scene.scene_number for scene in self.scenes)
            if number in clips
        ]

    def errors(self) -> list[Mapping[str, Any]]:
        """The failed scenes with their reasons."""
        return [{"scene_number": number, **error.as_fields()} for number, error in sorted(self.failed.items())]

    def _show(self, scene: SceneRequest, mark: Callable[[str], DocumentUpdate]) -> None:
        if scene.scene_number in self._shown_before:
            return
        if scene.scene_id is not None:
            self._unwritten[scene.scene_number] = mark(scene.scene_id)
        self._turn.report_now(
            "predict",
            100 * (len(self._clips) + len(self.failed)) / len(self.scenes),
            {"clips": self.clips(), "scene_errors": self.errors()},
            list(self._unwritten.values()),
        )
        self._unwritten.clear()
