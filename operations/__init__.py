"""The commands of those who run a deployment. They work on the real things, by the settings of the functions.

    deployment        which deployment is meant: ALIAS=dev, staging, prod, or local (a running `make up`)
    environment       settings out of dotenv files
    frontend          a user's rights, through the rules: signs in, writes job documents, listens
    staging           something to see on a deployment, and one tiny job of each kind that shows that it works
