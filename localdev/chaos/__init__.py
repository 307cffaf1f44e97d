"""The chaos suite: many jobs while processes are killed, events and answers get lost, and services fail."""
