"""List a user's videos."""

from pipeline.domain.clips import VideoDocument
from pipeline.domain.pages import Page
from pipeline.handlers.metadata_sources import metadata_source
from pipeline.handlers.tools import Library


def list_videos(
    user_id: str, status: str | None, page_size: int, page_token: str | None, library: Library
) -> Page[VideoDocument]:
    """A page of the user's videos, the newest first; `status` None: of every status. Raises InvalidRequest."""
    return metadata_source(user_id, library).list_videos(status, page_size, page_token)
