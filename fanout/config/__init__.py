"""Settings from the environment and from flags.

- `sources`: what was given, and where
- `convert`: from text to a value
- `properties`: the client library's properties: secrets, and what would break a promise
- `trial`: asks the client library whether it takes them
- `rules`: what must hold between settings
- `load`: all of it
- `reload`: the credentials again, while the program runs
"""

from fanout.config.load import Loaded, Reading, load, read
from fanout.config.reload import Reload

__all__ = ["Loaded", "Reading", "Reload", "load", "read"]
