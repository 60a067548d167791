"""``python -m uvwatch``."""

from uvwatch.cli import main

if __name__ == "__main__":
    main()
