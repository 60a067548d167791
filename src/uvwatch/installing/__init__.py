"""What changes the environment, and what builds."""
