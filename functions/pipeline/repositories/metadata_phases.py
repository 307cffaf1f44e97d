"""How far each user is on the way to Firestore, `users/{uid}/metadata/phase`. Clients cannot read it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import firestore

from pipeline.domain.clips import check_document_id
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.repositories.documents import READ


@dataclass(frozen=True)
class MetadataPhase:
    """A user's own phase. `mode` and `verified_at` are None without a switch; times in UTC."""

    user_id: str
    mode: MetadataMode | None
    verified_at: datetime | None
    fallbacks: int
    last_fallback_at: datetime | None


class MetadataPhaseRepository:
    """One small document a user; none for users who are where their deployment is."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def mode_of(self, user_id: str) -> MetadataMode | None:
        """The mode that the user was switched to, None without a switch."""
        mode = (self._document(user_id).get(["mode"], **READ).to_dict() or {}).get("mode")
        return MetadataMode(mode) if mode is not None else None

    def phases_of(self, user_ids: Iterable[str]) -> list[MetadataPhase]:
        """The phases of these users, in their order."""
        documents = {self._document(user_id): user_id for user_id in user_ids}
        found = {snapshot.reference: snapshot.to_dict() or {} for snapshot in self._client.get_all(list(documents))}
        return [_phase(user_id, found[document]) for document, user_id in documents.items()]

    def switch(self, user_id: str, mode: MetadataMode, verified_at: datetime | None) -> None:
        """Put the user into a mode, after a verification that found no difference.

        None for the way back, which needs no verification: then the time of the last one stays.
        """
        verified = {} if verified_at is None else {"verified_at": verified_at}
        self._document(user_id).set({"mode": mode.value, **verified}, merge=True)

    def count_fallback(self, user_id: str, now: datetime) -> None:
        """One more answer came from storage because Firestore had none."""
        self._document(user_id).set({"fallbacks": firestore.Increment(1), "last_fallback_at": now}, merge=True)

    def _document(self, user_id: str) -> firestore.DocumentReference:
        return self._client.document("users", check_document_id("user_id", user_id), "metadata", "phase")


def _phase(user_id: str, fields: Mapping[str, Any]) -> MetadataPhase:
    mode = fields.get("mode")
    return MetadataPhase(
        user_id=user_id,
        mode=MetadataMode(mode) if mode is not None else None,
        verified_at=fields.get("verified_at"),
        fallbacks=int(fields.get("fallbacks", 0)),
        last_fallback_at=fields.get("last_fallback_at"),
    )
