"""The studio page on the local stack, for people who want to look at pictures."""
