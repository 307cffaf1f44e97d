"""Replicate and OpenAI: the stubs, or the real services where the developer's environment holds their keys."""

from collections.abc import Mapping
from typing import Protocol, Self

REPLICATE_TOKEN = "REPLICATE_API_TOKEN"  # noqa: S105 - the name of a variable
OPENAI_KEY = "OPENAI_API_KEY"


class StubServer(Protocol):
    """What the stubs of localdev have in common."""

    @property
    def base_url(self) -> str: ...

    def start(self) -> object: ...

    def stop(self) -> None: ...


class Providers:
    """Starts the stub of each provider for which `environ` has no key."""

    def __init__(
        self, environ: Mapping[str, str], *, image_seconds: float, video_seconds: float, spread: float
    ) -> None:
        self._environ = environ
        self._image_seconds = image_seconds
        self._video_seconds = video_seconds
        self._spread = spread
        self._ports = (0, 0)
        self.replicate: StubServer | None = None
        self.openai: StubServer | None = None

    @property
    def replicate_url(self) -> str:
        """The stub's URL; "" for the real service."""
        return self.replicate.base_url if self.replicate else ""

    @property
    def openai_url(self) -> str:
        return self.openai.base_url if self.openai else ""

    def on_ports(self, replicate: int, openai: int) -> Self:
        self._ports = (replicate, openai)
        return self

    def start(self) -> None:
        """Start the stubs that are needed."""
        if not self._environ.get(REPLICATE_TOKEN):
            from localdev.stub_replicate import StubReplicate

            self.replicate = StubReplicate(
                port=self._ports[0],
                image_seconds=self._image_seconds,
                video_seconds=self._video_seconds,
                spread=self._spread,
            )
            self.replicate.start()
        if not self._environ.get(OPENAI_KEY):
            from localdev.stub_openai import StubOpenAI

            self.openai = StubOpenAI(port=self._ports[1])
            self.openai.start()

    def stop(self) -> None:
        for stub in (self.openai, self.replicate):
            if stub:
                stub.stop()
        self.openai = self.replicate = None

    def functions_environment(self) -> dict[str, str]:
        """Base URLs of the stubs, the keys (the developer's own, or ones that only the stubs take), and what for."""
        settings = {
            REPLICATE_TOKEN: self._environ.get(REPLICATE_TOKEN) or "local-replicate-token",
            OPENAI_KEY: self._environ.get(OPENAI_KEY) or "local-openai-key",
        }
        if self.replicate:
            settings["REPLICATE_BASE_URL"] = self.replicate.base_url
        if self.openai:
            settings["OPENAI_BASE_URL"] = self.openai.base_url
        # a stand-in's words are not worth a real model's pictures
        if self.replicate or not self.openai:
            settings |= {"PROMPT_WRITER": "openai", "MODERATION": "on"}
        return settings
