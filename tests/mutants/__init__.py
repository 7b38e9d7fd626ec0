"""Faults made by hand, one a file in `faults/`, each of which one test file must notice: `make mutants`."""
