"""Hints from the file system, and the scan that is the truth."""
