"""Fuzzers of the command and of the library; ``python -m tests.fuzz --help`` says how to run them."""
