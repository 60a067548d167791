"""The program: the ``uvwatch`` of the scripts directory, and ``python -m uvwatch``."""

import gc

# What is imported lives until the end: looking it over for garbage is a tenth of a client's time.
gc.disable()

from uvwatch.cli import main  # noqa: E402 - what it imports is meant

if __name__ == "__main__":
    main()
