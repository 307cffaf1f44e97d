"""What is told of a scene's words: a title, and whether two prompts are the same."""

import hashlib


def scene_title(text: str, limit: int = 60) -> str:
    """A title for a clip: the first words of the scene's text, whole words only."""
    words = text.split()
    title = ""
    for word in words:
        if len(title) + len(word) + 1 > limit:
            return (title or word[: limit - 1]) + "…"
        title = f"{title} {word}".strip()
    return title


def prompt_sha256(prompt: str) -> str:
    """Tells whether two pictures were made from the same words: the hash, in hex, of exactly what was sent."""
    return hashlib.sha256(prompt.encode()).hexdigest()
