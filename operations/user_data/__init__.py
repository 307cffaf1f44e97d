"""All that one user has: counted, exported, deleted.

python -m operations.user_data --alias X export UID | delete UID              docs/data.md

__main__          the command
inventory         where the documents and files of a user are; everything else asks here
export            a folder with all of it, checksums and an index page
exported_json     a document as JSON, with the types that JSON lacks
file_names        ids and keys as names of files
deletion          cancels, waits, deletes, looks again
accounts          the user in Firebase Auth
"""
