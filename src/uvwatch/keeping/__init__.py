"""One project and what is installed of it: which distributions are kept fresh, and how each is."""
