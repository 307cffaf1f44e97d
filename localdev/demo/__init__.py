"""The demonstration behind `make demo`: one user's way from words to a final video, seen from the frontend."""
