"""The programs that are compared, each in a folder of its own; `catalogue` names them all."""
