"""Decisions over frozen values: no I/O, no clock, no await."""
