"""What there is: the uv workspace, its environment, what its build backends declare. Read only."""
