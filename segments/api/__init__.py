"""The REST API about people."""
