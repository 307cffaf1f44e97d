"""OpenAI: words for scenes (Responses, structured output) and moderation. The SDK is loaded at the first call.

    moderate      ──> the categories that were flagged, none where all is well
    write_look    ──> how a whole story looks
    write_words   ──> the words of one scene

Every call ends within the seconds that it is given, however slowly the answer drips, and is sent once or twice.
Whatever goes wrong is a WordsUnavailable with a reason; nothing else is raised.

Source: https://platform.openai.com/docs/api-reference/responses, .../moderations
"""

from collections.abc import Sequence
from typing import Literal

from pipeline.domain.scene_words import Scene, SceneWords, Story

Reason = Literal["refused", "truncated", "timeout", "unavailable", "rate_limited", "key_refused", "unreadable"]

MODERATION_MODEL = "omni-moderation-latest"


class WordsUnavailable(Exception):
    """OpenAI gave no usable answer. `str()` is a sentence that users may read."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class OpenAiApi:
    """One account. Safe to share between threads."""

    def __init__(self, api_key: str, prompt_model: str) -> None:
        self._api_key = api_key
        self.prompt_model = prompt_model

    def moderate(self, texts: Sequence[str], picture: bytes | None, seconds: float) -> Sequence[str]:
        """The flagged categories, in order. `picture` is a JPEG of some hundred kilobytes at most."""
        raise NotImplementedError

    def write_look(self, story: Story, seconds: float) -> str:
        """The look of a story: one paragraph."""
        raise NotImplementedError

    def write_words(self, scene: Scene, story: Story, seconds: float) -> SceneWords:
        """The words of one scene of a story (an empty one, where it is part of none)."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connections."""
