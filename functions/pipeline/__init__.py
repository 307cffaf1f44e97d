"""The pipeline: words to pictures, pictures to clips, clips to videos.

domain/       decides, touches nothing
adapters/     each touches one outside thing, decides nothing
repositories/ each keeps one kind of document in Firestore
handlers/     join them, one verb per module
wiring        builds the real adapters and repositories from the settings (config)
"""
