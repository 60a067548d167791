"""What the world is told: lines, JSON, the terminal."""
