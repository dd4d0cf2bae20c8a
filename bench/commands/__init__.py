"""The commands of `python -m bench`, one module for each; `bench/__main__.py` puts them together."""
