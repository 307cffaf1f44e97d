"""What Firebase Auth says when it refuses: its sentence, without the JSON that the SDK shows around it."""


def reason_of(error: Exception) -> str:
    """One line without a full stop, of a FirebaseError or what the SDK itself refuses."""
    try:
        said = str(error.http_response.json()["error"]["message"])  # type: ignore[attr-defined]
    except (AttributeError, ValueError, KeyError, TypeError):
        said = str(error)
    return said.strip().partition("\n")[0].rstrip(".")
