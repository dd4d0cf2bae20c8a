"""The program with one of the faults of the original in it: `python -m tests.faults.original.broken FAULT run`.

All else is the real program: its supervisor, its workers, its settings. The one thing that the fault is about is
replaced in the process that it is a fault of, before that process begins.
"""
