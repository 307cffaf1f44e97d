"""How far each user is on the way to Firestore, `users/{uid}/metadata/phase`. Clients cannot read it."""

from datetime import datetime

from google.cloud import firestore

from pipeline.domain.clips import check_document_id
from pipeline.domain.metadata_modes import MetadataMode


class MetadataPhaseRepository:
    """One small document a user; none for users who are where their deployment is."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def mode_of(self, user_id: str) -> MetadataMode | None:
        """The mode that the user was switched to, None without a switch."""
        mode = (self._document(user_id).get(["mode"]).to_dict() or {}).get("mode")
        return MetadataMode(mode) if mode is not None else None

    def switch(self, user_id: str, mode: MetadataMode, verified_at: datetime) -> None:
        """Put the user into a mode, after a verification that found no difference."""
        self._document(user_id).set({"mode": mode.value, "verified_at": verified_at}, merge=True)

    def count_fallback(self, user_id: str, now: datetime) -> None:
        """One more answer came from storage because Firestore had none."""
        self._document(user_id).set({"fallbacks": firestore.Increment(1), "last_fallback_at": now}, merge=True)

    def _document(self, user_id: str) -> firestore.DocumentReference:
        return self._client.document("users", check_document_id("user_id", user_id), "metadata", "phase")
