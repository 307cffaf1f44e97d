"""`make timeline`: what happened to a job, told in a terminal, and the job as a file that `make replay` runs again.

    exported_jobs     a job with its predictions and the documents that it names, as one file
    job_lookup        the same, read from Firestore
    spans             who worked on it when: the functions, Replicate, nobody, and what nobody waited for
    diagnosis         how it stands, in sentences
    drawing           all of that in 80 columns

Nothing here writes to a deployment.
"""
