"""The light side of the commands that ask a running daemon: no event loop, no log, nothing that is slow to import."""
