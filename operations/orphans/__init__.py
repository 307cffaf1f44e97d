"""Finds files that no document names, and deletes those that a report has named and that still are.

python -m operations.orphans --alias X              docs/data.md

bucket, page by page ──> old enough? ──> naming: does a document name it? ──> report (JSON lines)
                                                                                │ --delete
                        deletion: the same file? still not named? ──> deleted <─┘

__main__          the command
collection        the dry run: what is listed, judged, and written down
naming            which documents name a file
report            the file that says what was found; a listing that was broken off goes on from it
deletion          deletes what a report names, after another look
"""
