"""The words of scenes: kept ones, written ones, or the template; with one look for all scenes of a storyboard.

    storyboard ── has a look ──────────────┐          scene ── has words ───────────────┐
        └── none, or of another style ── written, kept        └── none, or of other text ── written, kept
                                           └──> Scene ──────────────┘                   └──> SceneWords

All of it ends within WRITER_SECONDS. What is not there by then comes from the template, and the job says so.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.adapters.openai_api import OpenAiApi, WordsUnavailable
from pipeline.domain.errors import ContentRejected, NotFound
from pipeline.domain.model_inputs import Adjustment
from pipeline.domain.outcomes import DocumentUpdate
from pipeline.domain.scene_words import MAX_OTHER_SCENES, Scene, SceneWords, Story, shortened, template_words
from pipeline.handlers.moderation import NO_KEY, moderate
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.scenes import kept_look, kept_words, scene_order, scene_worded

WRITER_SECONDS = 20.0
"""For everything that is written for one turn of a job."""

LOOK_SECONDS = 9.0
"""Of these, for the look: the scenes need the rest."""


@dataclass(frozen=True)
class Worded:
    """The words of a scene, what is to be noted on the job, and what is to be kept on its scene."""

    words: SceneWords
    adjustments: tuple[Adjustment, ...] = ()
    kept: tuple[DocumentUpdate, ...] = ()


class Writer:
    """Writes for one turn of a job; its time runs from the beginning. May be shared between threads."""

    def __init__(self, desk: Desk, tools: Tools) -> None:
        self._desk = desk
        self._tools = tools
        self._ends_at = time.monotonic() + WRITER_SECONDS
        self._story = Story()
        self._read_scenes: Callable[[], tuple[str, ...]] = tuple
        self._scenes: tuple[str, ...] | None = None  # read when something is to be written
        self._reading = threading.Lock()
        self._look = ""
        self._without_look: tuple[Adjustment, ...] = ()

    def tell_story(self, user_id: str, storyboard_id: str | None, storyboard: Mapping[str, Any]) -> None:
        """The scenes that follow are part of this storyboard, and get its look; None: they are part of none."""
        if storyboard_id is None:
            return
        self._story = Story(_text(storyboard, "title"), _text(storyboard, "style"))
        order = scene_order(storyboard)
        self._read_scenes = lambda: self._desk.scenes.texts(user_id, order[:MAX_OTHER_SCENES])
        if (openai := self._writing) is None:
            return
        of = self._story.fingerprint
        if (kept := kept_look(storyboard, of)) is not None:
            self._look = kept
            return
        self._write_look(openai)
        if self._look:
            try:
                self._look = self._desk.scenes.keep_look(storyboard_id, self._look, of, self._desk.clock())
            except NotFound:  # deleted meanwhile
                return

    def tell_scenes(self, texts: tuple[str, ...]) -> None:
        """The scenes that follow belong together, though they are part of no storyboard."""
        self._scenes = self._unflagged(shortened(texts)) if self._writing else ()
        if (openai := self._writing) is not None and len(texts) > 1:
            self._write_look(openai)

    def words(self, text: str, style: str, scene_id: str | None, document: Mapping[str, Any]) -> Worded:
        """The words of a scene; `document` is what it keeps, empty where there is none."""
        scene = Scene(text=text, style=style or self._story.style, look=self._look)
        openai = self._tools.openai
        if self._tools.settings.prompt_writer != "openai":
            return Worded(template_words(scene))
        if openai is None:
            return self._plain(scene, NO_KEY)
        of = scene.fingerprint(openai.prompt_model)
        if (kept := kept_words(document, of)) is not None:
            return Worded(kept)
        try:
            words = self._write(scene, openai)
        except WordsUnavailable as error:
            return self._plain(scene, str(error))
        update = (scene_worded(scene_id, words, of, self._desk.clock()),) if scene_id else ()
        return Worded(words, self._without_look, update)

    @property
    def _writing(self) -> OpenAiApi | None:
        """None: nothing is written at all."""
        return self._tools.openai if self._tools.settings.prompt_writer == "openai" else None

    def _write(self, scene: Scene, openai: OpenAiApi) -> SceneWords:
        story = self._whole_story()
        if (left := self._ends_at - time.monotonic()) <= 0:
            raise WordsUnavailable("timeout", "OpenAI had no time left for this scene.")
        return openai.write_words(scene, story, left)

    def _whole_story(self) -> Story:
        with self._reading:
            if self._scenes is None:
                self._scenes = self._unflagged(shortened(self._read_scenes()))
        return replace(self._story, scenes=self._scenes)

    def _unflagged(self, scenes: tuple[str, ...]) -> tuple[str, ...]:
        """What a writer may be told of the other scenes: nothing, where one is flagged. Each has a job of its own."""
        try:
            moderate(scenes, None, self._tools)
        except ContentRejected:
            return ()
        return scenes

    def _write_look(self, openai: OpenAiApi) -> None:
        try:
            self._look = openai.write_look(self._whole_story(), LOOK_SECONDS)
        except WordsUnavailable as error:  # each scene is worded by itself then
            self._without_look = (Adjustment("look", "openai", "none", str(error)),)

    def _plain(self, scene: Scene, reason: str) -> Worded:
        return Worded(template_words(scene), (Adjustment("prompt_source", "openai", "template", reason),))


def moderate_before_writing(texts: Sequence[str], storyboard: Mapping[str, Any], tools: Tools) -> Sequence[Adjustment]:
    """What a user wrote, before it goes to a writer; where nobody writes, it is moderated when it is ordered.

    Raises what `moderate` raises.
    """
    if tools.settings.prompt_writer != "openai":
        return ()
    return moderate([*texts, _text(storyboard, "title"), _text(storyboard, "style")], None, tools)


def _text(document: Mapping[str, Any], name: str) -> str:
    """A text of a document that its user may have filled with anything."""
    value = document.get(name)
    return value.strip()[:200] if isinstance(value, str) else ""
