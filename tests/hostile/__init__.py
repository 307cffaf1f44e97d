"""Hostile URLs, servers and files: each with what must become of it, and eyes on what it must not reach."""
