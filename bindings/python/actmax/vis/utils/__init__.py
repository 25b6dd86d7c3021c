"""Helpers: see utils."""
