"""Connectors find what has arrived."""
