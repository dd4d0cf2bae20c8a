"""The same tests on the mock cluster and on a real broker."""
