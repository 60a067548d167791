"""Keeps the installed copy of a local project in a uv environment true to its source tree."""

__version__ = "0.1.0"
