"""Ask whether words and pictures may be used, before money is spent on them."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.adapters.images import small_jpeg
from pipeline.adapters.openai_api import WordsUnavailable
from pipeline.domain.errors import ConfigurationError, ContentRejected, ProviderUnavailable
from pipeline.domain.model_inputs import Adjustment
from pipeline.handlers.tools import Tools

MODERATION_SECONDS = 10.0

NO_KEY = "OPENAI_API_KEY is not set."


def moderate(texts: Sequence[str], picture: Path | None, tools: Tools) -> Sequence[Adjustment]:
    """What is to be noted on the job: that nobody could be asked, and the job goes on.

    Raises ContentRejected with the categories. Where moderation is required: ProviderUnavailable when nobody could be
    asked, ConfigurationError without a key.
    """
    is_required = tools.settings.moderation == "required"
    if tools.settings.moderation == "off":
        return ()
    if tools.openai is None:
        if is_required:
            raise ConfigurationError("MODERATION is 'required', and OPENAI_API_KEY is not set.")
        return (_left_out(NO_KEY),)
    worded = [text for text in texts if text.strip()]
    try:
        flagged = tools.openai.moderate(worded, small_jpeg(picture) if picture else None, MODERATION_SECONDS)
    except WordsUnavailable as error:
        if not is_required:
            return (_left_out(str(error)),)
        if error.reason == "key_refused":
            raise ConfigurationError(str(error)) from error
        raise ProviderUnavailable(f"Nothing is made before it was moderated. {error}") from error
    if flagged:
        what = "The text or the picture" if picture else "The text"
        raise ContentRejected(f"{what} was flagged: {', '.join(flagged)}. Change it, then try again.", flagged)
    return ()


def _left_out(reason: str) -> Adjustment:
    return Adjustment("moderation", "on", "off", reason)
