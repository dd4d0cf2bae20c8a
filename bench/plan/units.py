"""How the plan's numbers are written for people, and read from them."""

import math
import re

DURATIONS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
SIZES_BYTES = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*")


def seconds(text: str) -> float:
    """`90`, `90s`, `30min`, `2h`, `7d` in seconds. Raises ValueError."""
    number, unit = _parts(text)
    if unit and unit not in DURATIONS_S:
        raise ValueError(f"{text!r} is no duration: a number with one of {', '.join(DURATIONS_S)}")
    return number * DURATIONS_S.get(unit, 1.0)


def nbytes(text: str) -> int:
    """`1100`, `512Mi`, `2G` in bytes, as Kubernetes writes them; a B behind is no matter. Raises ValueError."""
    number, unit = _parts(text)
    unit = unit.removesuffix("B")
    if unit not in SIZES_BYTES:
        raise ValueError(f"{text!r} is no size: a number with one of {', '.join(name for name in SIZES_BYTES if name)}")
    return int(number * SIZES_BYTES[unit])


def _parts(text: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no number with a unit")
    return float(match[1]), match[2]


def written(value: float, unit: str) -> str:
    """A figure in its unit: `s`, `bytes`, `memory`, `bytes/s`, `cores`, `share`, `records`; any other is set behind."""
    if math.isinf(value):
        return "never" if value > 0 else "none"
    match unit:
        case "s":
            return duration(value)
        case "bytes":
            return size(value)
        case "memory":
            return memory(value)
        case "bytes/s":
            return f"{size(value)}/s"
        case "cores":
            return cores(value)
        case "share":
            return share(value)
        case "records":  # to be copied
            return f"{value:.0f}"
    return f"{number(value)} {unit}".strip()


def span(low: float, high: float, unit: str) -> str:
    """From one to the other, with a unit that they share written once: `321 to 379 MB/s`."""
    first, second = written(low, unit), written(high, unit)
    common = second.partition(" ")[2]
    return f"{first.removesuffix(f' {common}') if common else first} to {second}"


def number(value: float) -> str:
    """Three digits that count, and all of a number that is whole and small."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1_000_000:
        return f"{number(round(value / 1e6, 2))} million"
    if float(value).is_integer() or abs(value) >= 100:
        return f"{_rounded(value):,.0f}" if abs(value) >= 1_000 else f"{value:.0f}"
    return f"{value:.3g}"


def duration(value: float) -> str:
    """As one says it: `14 s`, `35 min`, `1 h 59 min`, `7 d`."""
    if value < 0:
        return f"-{duration(-value)}"
    if value < 10:
        return f"{value:.2g} s"
    for unit, length, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if value >= (2 if length == 60 else 1) * length - part / 2:
            if value >= 10 * length:  # the next smaller unit says nothing then
                return f"{value / length:.0f} {unit}"
            whole, rest = divmod(round(value / part) * part, length)
            small = round(rest / part)
            return f"{whole:.0f} {unit}" + (f" {small} {smaller}" if small else "")
    return f"{value:.0f} s"


def size(value: float) -> str:
    """In decimal units, as disks and networks are measured."""
    for unit, power in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= power:
            return f"{value / power:.3g} {unit}"
    return f"{value:.3g} B"


def memory(value: float) -> str:
    """As a Kubernetes quantity: `512Mi`, `4Gi`."""
    if value and value % 2**30 == 0:
        return f"{value / 2**30:.0f}Gi"
    return f"{math.ceil(value / 2**20)}Mi"


def cores(value: float) -> str:
    """As a Kubernetes quantity: `250m`, `2`."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value * 1000:.0f}m"


def share(value: float) -> str:
    """In percent; what is not quite nothing is not told as nothing."""
    if 0.0 < value < 0.001:
        return "under 0.1 %"
    return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.0f} %"


def counted(count: float, word: str) -> str:
    """`1 replica`, `2 replicas`."""
    return f"{number(count)} {word}{'s' * (count != 1)}"


def _rounded(value: float) -> float:
    digits = 2 - math.floor(math.log10(abs(value)))
    return round(value, digits) if not float(value).is_integer() else value
