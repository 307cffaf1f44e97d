"""OpenAI: words for scenes (Responses, structured output) and moderation. The SDK is loaded at the first call.

    moderate      ──> the categories that were flagged, none where all is well
    write_look    ──> how a whole story looks
    write_words   ──> the words of one scene

Every call ends within the seconds that it is given, however slowly the answer drips, and is sent once or twice.
Whatever goes wrong is a WordsUnavailable with a reason; nothing else is raised.

Source: https://platform.openai.com/docs/api-reference/responses, .../moderations
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.adapters.openai_exchange import OpenAiExchange, Reason, WordsUnavailable
from pipeline.domain.scene_words import Scene, SceneWords, Story
from pipeline.domain.scene_writing import (
    LOOK_INSTRUCTIONS,
    WORDS_INSTRUCTIONS,
    UnreadableWords,
    look_message,
    look_schema,
    plain,
    read_look,
    read_words,
    words_message,
    words_schema,
)

__all__ = ["MODERATION_MODEL", "OpenAiApi", "Reason", "WordsUnavailable"]

MODERATION_MODEL = "omni-moderation-latest"
MAX_OUTPUT_TOKENS = 3000
"""About 500 for the words; the rest is room for a model that thinks first."""
UNNAMED_CATEGORY = "unspecified"


class OpenAiApi:
    """One account. Safe to share between threads."""

    def __init__(self, api_key: str, prompt_model: str) -> None:
        self._exchange = OpenAiExchange(api_key)
        self.prompt_model = prompt_model

    def moderate(self, texts: Sequence[str], picture: bytes | None, seconds: float) -> Sequence[str]:
        """The flagged categories, in order. `picture` is a JPEG of some hundred kilobytes at most."""
        parts: list[dict[str, Any]] = [{"type": "text", "text": text} for text in map(plain, texts) if text]
        if picture:
            url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
            parts.append({"type": "image_url", "image_url": {"url": url}})
        if not parts:
            return ()
        return _flagged(self._exchange.post("moderations", {"model": MODERATION_MODEL, "input": parts}, seconds))

    def write_look(self, story: Story, seconds: float) -> str:
        """The look of a story: one paragraph."""
        answer = self._write(LOOK_INSTRUCTIONS, look_message(story), "look", look_schema(), seconds)
        try:
            return read_look(answer)
        except UnreadableWords as error:
            raise WordsUnavailable("unreadable") from error

    def write_words(self, scene: Scene, story: Story, seconds: float) -> SceneWords:
        """The words of one scene of a story (an empty one, where it is part of none)."""
        answer = self._write(WORDS_INSTRUCTIONS, words_message(scene, story), "scene_words", words_schema(), seconds)
        try:
            return read_words(answer)
        except UnreadableWords as error:
            raise WordsUnavailable("unreadable") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._exchange.close()

    def _write(
        self, instructions: str, message: str, name: str, schema: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        """An object of that schema, as far as the model keeps to it."""
        body = {
            "model": self.prompt_model,
            "instructions": instructions,
            "input": [{"role": "user", "content": message}],
            "text": {"format": {"type": "json_schema", "name": name, "strict": True, "schema": schema}},
            "reasoning": {"effort": "low"},
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "store": False,
        }
        text = _text(self._exchange.post("responses", body, seconds))
        try:
            written = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise WordsUnavailable("unreadable") from error
        if not isinstance(written, dict):
            raise WordsUnavailable("unreadable")
        return written


def _text(response: Mapping[str, Any]) -> str:
    """What the model has written, when it has written all of it. Raises WordsUnavailable."""
    match response:
        case {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}:
            raise WordsUnavailable("refused")
        case {"status": "incomplete"}:
            raise WordsUnavailable("truncated")
        case {"status": "failed" | "cancelled"}:
            raise WordsUnavailable("unavailable")
        case {"status": "completed", "output": [*items]}:
            return "".join(_text_of_part(part) for item in items for part in _parts(item))
    raise WordsUnavailable("unreadable")


def _parts(item: Any) -> Sequence[Any]:
    """The parts of a final message; what a model thinks or says on its way there is none."""
    match item:
        case {"type": "message", "phase": str(phase)} if phase != "final_answer":
            return ()
        case {"type": "message", "content": [*parts]}:
            return parts
    return ()


def _text_of_part(part: Any) -> str:
    match part:
        case {"type": "refusal"}:
            raise WordsUnavailable("refused")
        case {"type": "output_text", "text": str(text)}:
            return text
    return ""


def _flagged(moderation: Mapping[str, Any]) -> Sequence[str]:
    """The categories of all results. An answer that is none must not pass for a clean one."""
    match moderation:
        case {"results": [_, *_] as results}:
            return tuple(sorted({category for result in results for category in _flagged_in(result)}))
    raise WordsUnavailable("unreadable")


def _flagged_in(result: Any) -> Sequence[str]:
    match result:
        case {"flagged": bool(is_flagged), "categories": {**categories}}:
            named = [str(name) for name, value in categories.items() if value is True]
            return named or ([UNNAMED_CATEGORY] if is_flagged else [])
    raise WordsUnavailable("unreadable")
