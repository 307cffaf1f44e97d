"""What developers run on their own machine, and nothing that is deployed."""
