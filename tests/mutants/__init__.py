"""Mutants: faults put into the program on purpose, one at a time, and the tests that must notice each."""
