"""The words of one scene: what is sent to the models, and what its clip is called. Who writes them is a setting.

    text, style_prompt ──┐
    the story's look ────┼──> a writer (OpenAI) ──> SceneWords ──> for_picture(), for_clip() ──> the models
    the other scenes ────┘    or the template                      title, description ──> the clip's document

A *look* is written once for a storyboard and handed to every scene of it: palette, light, lens, and how those who come
up again look. What depends on the terms (the picture's shape, a camera that stands still) is added at the end by us, so
words that are written once are good for every job of their scene.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.prompts import scene_title

MAX_OTHER_SCENES = 50
MAX_OTHER_TEXT = 300
"""Letters of each of a story's other scenes."""

_SENTENCE_ENDS = "!?…。！？"  # noqa: RUF001  those of Chinese and Japanese too


@dataclass(frozen=True)
class Story:
    """What a scene is part of. `scenes` are the texts of all its scenes, in their order."""

    title: str = ""
    style: str = ""
    scenes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Tells whether a look was written for this story: a scene more or less needs no other look."""
        return _hash("look", self.title, self.style)


@dataclass(frozen=True)
class Scene:
    """One scene, as its user wrote it, with the look of the story (`""`: it is part of none, or nobody wrote one)."""

    text: str
    style: str = ""
    look: str = ""

    def fingerprint(self, writer: str) -> str:
        """Tells whether words were written for exactly this, by that writer (a model's name)."""
        return _hash("words", writer, self.text, self.style, self.look)


@dataclass(frozen=True)
class SceneWords:
    """What a writer made of a scene. Each is a sentence or some; none is empty."""

    image_prompt: str
    motion: str  # what moves, without the camera
    camera: str  # how the camera moves
    title: str
    description: str
    source: str  # openai | template

    def for_picture(self, width_to_height: float) -> str:
        """The prompt of a picture of that shape."""
        shape = "Square" if 0.95 < width_to_height < 1.05 else "Vertical" if width_to_height < 1 else "Horizontal"
        return _sentences(self.image_prompt, f"{shape} composition, no text, no watermark")

    def for_clip(self, *, camera_fixed: bool) -> str:
        """The prompt that sets the picture in motion."""
        camera = "The camera stands still" if camera_fixed else self.camera
        return _sentences(self.motion, camera, "Nothing appears or disappears")


def template_words(scene: Scene) -> SceneWords:
    """The plain words, for when no language model has written something better."""
    title = scene_title(scene.text) or "Untitled scene"
    return SceneWords(
        image_prompt=_sentences(scene.text, scene.style, "One clear subject, cinematic light"),
        motion=_sentences(scene.text, "Natural motion"),
        camera="Slow, smooth camera movement",
        title=title,
        description=scene.text.strip() or title,
        source="template",
    )


def shortened(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of a story's scenes as a writer is told of them: not more, and not longer, than it needs."""
    stripped = [text.strip() for text in texts]
    return tuple(text[:MAX_OTHER_TEXT].rstrip() for text in [text for text in stripped if text][:MAX_OTHER_SCENES])


def _sentences(*parts: str) -> str:
    """One text in one line; each part ends as a sentence does, those without a word are left out."""
    trimmed = [" ".join(part.split()).rstrip(" .,;:") for part in parts]
    return " ".join(part if part[-1] in _SENTENCE_ENDS else f"{part}." for part in trimmed if part)


def _hash(*parts: str) -> str:
    """As JSON: joined by a separator, other parts could read the same."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
