"""Query parameters, each checked: a wrong one is named, an unknown or repeated one is not passed over."""

import re
from collections.abc import Collection

from flask import Request

from pipeline.domain.clips import STATUSES, check_style
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.pages import check_page_size

DEFAULT_PAGE_SIZE = 50
MAX_CHARS = 8192  # a page token holds an id of up to 1,500 bytes
EVERY_STATUS = "all"

_WHOLE = re.compile("[0-9]{1,9}")  # int() would take "1_0", " 1" and the digits of every script
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Parameters:
    """The query parameters of one request. Every method raises InvalidRequest with the parameter's name."""

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._given: dict[str, str] = {}
        for name, values in request.args.lists():
            if name not in known:
                raise InvalidRequest(f"Parameter '{_shown(name)}' is not known here; {_listed(known)}.")
            if len(values) > 1:
                raise InvalidRequest(f"Parameter '{name}' is given {len(values)} times.")
            self._given[name] = check_text(name, values[0])

    def page_size(self) -> int:
        """How many items to answer with."""
        return check_page_size(self._whole("page_size") if "page_size" in self._given else DEFAULT_PAGE_SIZE)

    def page_token(self) -> str | None:
        """Where the page begins; an empty one is the first page's."""
        return self._given.get("page_token") or None

    def status(self, default: str) -> str | None:
        """The one status that is wanted, None for all."""
        status = self._given.get("status", default)
        if status not in (*STATUSES, EVERY_STATUS):
            raise _wrong("status", f"it must be one of {', '.join((*STATUSES, EVERY_STATUS))}")
        return None if status == EVERY_STATUS else status

    def style(self) -> str | None:
        """The one style that is wanted, None for all."""
        style = self._given.get("style")
        return None if style is None else check_style(style)

    def scene_id(self) -> int | None:
        """The one scene that is wanted, None for all."""
        return self._whole("scene_id") if "scene_id" in self._given else None

    def flag(self, name: str, default: bool) -> bool:
        """`true` or `false`."""
        text = self._given.get(name, str(default).lower())
        if text not in ("true", "false"):
            raise _wrong(name, "it must be true or false")
        return text == "true"

    def _whole(self, name: str) -> int:
        if not _WHOLE.fullmatch(self._given[name]):
            raise _wrong(name, "it must be a whole number from 0 to 999999999")
        return int(self._given[name])


def check_text(name: str, text: str) -> str:
    """The text, if it is not too long and holds no control characters."""
    if len(text) > MAX_CHARS:
        raise _wrong(name, f"it has more than {MAX_CHARS} characters")
    if _CONTROL.search(text):
        raise _wrong(name, "it holds a control character")
    return text


def _listed(known: Collection[str]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there are none"


def _wrong(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Parameter '{name}' is not valid: {why}.")


def _shown(text: str) -> str:
    return text[:80].encode(errors="replace").decode()
