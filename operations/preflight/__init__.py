"""What would make a deploy fail, found before it.

firebase_cli      the installed firebase-tools' own code, asked offline (firebase_cli.js)
"""
