"""What would make a deploy fail, found before it: `make preflight ALIAS=staging`. docs/deploy.md explains the rest.

__main__          the command
checks            every check, in the order of a deploy
findings          what a check says
project           what is about to be deployed
firebase_cli      the installed firebase-tools' own code, asked offline (firebase_cli.js)

names             the project behind the alias
settings          the dotenv files
secret_values     what Secret Manager must have
declarations      functions/main.py
packages          runtime, lock file, wheels, ffmpeg
upload            what would be sent
firestore         rules and indexes
account           what is to be done by hand
"""
