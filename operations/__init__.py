"""The commands of those who run a deployment. They work on the real things, by the settings of the functions.

    deployment        which deployment is meant: ALIAS=dev, staging, prod, or local (a running `make up`)
    environment       settings out of dotenv files
    frontend          a user's rights, through the rules: signs in, writes job documents, listens
    staging           something to see on a deployment, and one tiny job of each kind that shows that it works
    monitoring        log-based metrics, alerts and the dashboard, and the command that has gcloud make them
    timeline          what happened to a job
    orphans           files that no document names

What runs the pipeline on this machine is in `localdev`; what brings in old metadata, in `migration`.
"""
