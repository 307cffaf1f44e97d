"""A stand-in for Replicate: its HTTP protocol, real pictures and clips, faults to order."""

from localdev.stub_replicate.server import StubReplicate

__all__ = ["StubReplicate"]
