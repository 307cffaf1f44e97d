"""`make replay JOB=file.json`: a job that was exported from a deployment, run again on this machine.

    exported file ──> plan: request, documents, files ──> written on the local stack ──> followed ──> timeline

    plans          what is to be written: the job as its client would write it, or as it stood in the middle of its way
    source_files   the files that it names: as they are where they can be reached, else samples of the same kind
    samples        those samples
    places         where it runs: on the local stack, or, `--inline`, by turns in this very process

Nothing of it reaches a real provider, unless it is told to (`--real`).
"""
