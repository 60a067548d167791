"""What ``uvwatch init`` offers: one module for each program that uvwatch is to be run by."""
