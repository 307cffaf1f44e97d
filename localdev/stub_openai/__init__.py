"""A stand-in for OpenAI: words for scenes and moderation over its HTTP protocol, faults to order."""

from localdev.stub_openai.server import StubOpenAI

__all__ = ["StubOpenAI"]
