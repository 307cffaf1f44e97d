"""storage.rules, as far as this project's go: a user's own folders, and the types and sizes of uploads.

The official runtime that evaluates such rules is a program that firebase-tools downloads, so the same terms are
evaluated here. Types and sizes are read out of the file, and a file that says anything else than what is known here is
refused: the stand-in cannot fall behind the rules without a word. (tests/rules evaluates the file itself.)
"""

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from localdev.stack.errors import StackError

UPLOADS = "uploads"
_LIMIT = re.compile(
    r"\(request\.resource\.contentType\.matches\('([^']+)'\)&&request\.resource\.size<(\d+(?:\*\d+)*)\)(?:\|\|)?"
)
_KNOWN = """
rules_version='2';
service firebase.storage{match/b/{bucket}/o{
functionisOwner(uid){returnrequest.auth!=null&&request.auth.uid==uid;}
functionisUpload(){return;}
match/uploads/{uid}/{path=**}{allowread,delete:ifisOwner(uid);allowcreate,update:ifisOwner(uid)&&isUpload();}
match/{uid}/{path=**}{allowread:ifisOwner(uid)&&uid!='uploads';}
}}
"""
"""The rules without spaces, comments, types and sizes."""


class InvalidToken(Exception):
    """An ID token that is none, is of another project, or has expired."""


@dataclass(frozen=True)
class StorageRules:
    """Who may do what with the file at a path."""

    limits: tuple[tuple[str, int], ...]
    """Of uploads: an expression that the whole content type matches, and the size in bytes that is too much."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises StackError where the file says what is not known here."""
        text = re.sub(r"\s+", "", re.sub(r"//.*", "", path.read_text(encoding="utf-8")))
        limits = tuple((types, _product(size)) for types, size in _LIMIT.findall(text))
        if not limits or _LIMIT.sub("", text) != re.sub(r"\s+", "", _KNOWN):
            raise StackError(f"{path} says what localdev/stack/storage_rules.py does not know: teach it there, too.")
        return cls(limits)

    def may_read(self, user_id: str | None, name: str) -> bool:
        """A file's bytes and its description, without a download token."""
        folder, owner, _ = _folders(name)
        return user_id is not None and user_id == (owner if folder == UPLOADS else folder)

    def may_delete(self, user_id: str | None, name: str) -> bool:
        folder, owner, rest = _folders(name)
        return user_id is not None and folder == UPLOADS and user_id == owner and bool(rest)

    def may_write(self, user_id: str | None, name: str, content_type: str, size: int) -> bool:
        """A new file, or another one in its place."""
        fits = any(re.fullmatch(types, content_type) and size < limit for types, limit in self.limits)
        return self.may_delete(user_id, name) and fits


def user_of(authorization: str | None, project: str) -> str | None:
    """The user of `Firebase <ID token>`; None where there is no such header. Raises InvalidToken.

    The Auth emulator does not sign its tokens, so neither is a signature asked for here.
    """
    if not authorization:
        return None
    try:
        _, part, _ = authorization.rpartition(" ")[2].split(".")
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if claims["aud"] != project or claims["exp"] <= time.time():
            raise InvalidToken("The token is of another project, or has expired.")
        return str(claims["sub"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InvalidToken("That is no ID token.") from error


def _folders(name: str) -> tuple[str, str, str]:
    folder, _, rest = name.partition("/")
    return (folder, *rest.partition("/")[::2])


def _product(factors: str) -> int:
    result = 1
    for factor in factors.split("*"):
        result *= int(factor)
    return result
