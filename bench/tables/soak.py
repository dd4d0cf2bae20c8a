"""What `python -m bench soak` says."""

from rich.table import Table

from bench.growth import Growth
from bench.soak import Soak


def soak_table(soak: Soak) -> Table:
    """What became of each process that lived through it: median of the first third, and of the last."""
    title = f"{soak.written:,} events in {soak.minutes:g} min, {soak.arrived - soak.written} twice, {soak.kills} kills"
    made = Table(title=title, caption="Medians of the first and the last third after a quarter for warming up.")
    for name in ("process", "minutes", "memory MB", "open files", "threads", "grows"):
        made.add_column(name, justify="left" if name in ("process", "grows") else "right", no_wrap=True)
    for name, found in soak.trends.items():
        memory = _change(found.rss, 1e6)
        grows = ", ".join(found.broken()) or "nothing"
        made.add_row(name, f"{found.seconds / 60:.1f}", memory, _change(found.files), _change(found.threads), grows)
    return made


def _change(growth: Growth, unit: float = 1.0) -> str:
    digits = 1 if unit > 1 else 0
    return f"{growth.before / unit:.{digits}f} to {growth.after / unit:.{digits}f}"
