"""TypeScript definitions of every document, status and error code, made from the Python models.

models           what a TypedDict, a pydantic model or a dataclass says of its fields, with the comments beside them
notation         a Python type as TypeScript, and what is declared of it
documents        which models there are, and how a job's document is made up of them
__main__         writes web/src/pipeline/documents.ts (`make types`)
"""
