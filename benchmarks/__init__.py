"""How fast it is, measured on this machine: each benchmark is a program that prints a table (`make bench-…`)."""
