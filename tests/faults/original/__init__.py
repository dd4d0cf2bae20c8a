"""The faults of the original program, each with a broken variant that its test has to notice."""
