"""A busy machine is no fault of what is tested: examples have no time limit of their own."""

from hypothesis import settings

settings.register_profile("domain", deadline=None)
settings.load_profile("domain")
