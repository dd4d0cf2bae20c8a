"""Run when the image is built: compiles whatever the program imports, for nothing can be written into a container.

Python's image brings no bytecode of its own library, so each worker would compile what it imports at each start. The
bytecode of all that is installed would be three times as much. It does not ask for the time stamp of its source: the
layers of an image may get others.
"""

import compileall
import importlib
import pkgutil
import sys
from py_compile import PycInvalidationMode

import fanout

# Imported by the interpreter itself: for `python -m`, and for the first name of a host.
BESIDES = ("runpy", "encodings.idna")


def main() -> int:
    """Compile them; the exit code."""
    # A module whose import fails, for it would use what is not there, is compiled for that all the same.
    tried: set[object] = set()
    sys.addaudithook(lambda event, details: tried.add(details[1]) if event == "compile" else None)
    names = [module.name for module in pkgutil.walk_packages(fanout.__path__, "fanout.")]
    for name in (*BESIDES, *names):
        if not name.endswith("__main__"):  # they would run
            importlib.import_module(name)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())} | tried
    sources = sorted(file for file in files if isinstance(file, str) and file.endswith(".py") and file != __file__)
    compiled = [_compile(file) for file in sources]
    whole = compileall.compile_dir(fanout.__path__[0], quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return 0 if all(compiled) and whole else 1


def _compile(file: str) -> bool:
    return bool(compileall.compile_file(file, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH))


if __name__ == "__main__":
    sys.exit(main())
