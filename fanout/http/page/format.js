// Numbers and times for people. What is not known is "–".

const UNKNOWN = "–";
const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const shortClock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export function count(value) {
  return value == null ? UNKNOWN : whole.format(value);
}

export function perSecond(value) {
  return value < 10 ? tenths.format(value) : whole.format(value);
}

export function bytes(value) {
  if (value == null) return UNKNOWN;
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), 4);
  return `${tenths.format(value / 1000 ** power)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

export function percent(share) {
  if (share == null) return UNKNOWN;
  if (share > 0 && share < 0.01) return "< 1 %";
  return `${whole.format(share * 100)} %`;
}

// Two units at most: "3.2 s", "2 min 10 s", "1 h 58 min", "3 d 4 h".
export function duration(seconds) {
  if (seconds == null) return UNKNOWN;
  if (seconds < 0) return "0 s";
  if (seconds < 10) return `${tenths.format(seconds)} s`;
  if (seconds < 60) return `${whole.format(seconds)} s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  const rest = units[first + 1];
  const much = Math.floor(seconds / units[first][1]);
  const little = rest ? Math.floor((seconds % units[first][1]) / rest[1]) : 0;
  return `${much} ${units[first][0]}${little ? ` ${little} ${rest[0]}` : ""}`;
}

// Seconds since the epoch as a local time, with the date where that is not today.
export function time(seconds) {
  if (seconds == null) return UNKNOWN;
  const date = new Date(seconds * 1000);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  const date_ = date.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${date_.format(date)}, ${clock.format(date)}`;
}

export function minute(seconds) {
  return shortClock.format(new Date(seconds * 1000));
}

// 0, 1, 2, 5 as "0–2, 5".
export function ranges(numbers) {
  const found = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`)).join(", ");
}
