"""The real program as a child process of a test."""

from bench.program import DEAD, END_S, ROOT, Line, Program

__all__ = ["DEAD", "END_S", "ROOT", "Line", "Program"]
