// Events per second in and out over ten minutes, as SVG that is drawn anew for the width there is.

import { minute, perSecond, time } from "./format.js";

const SPAN_S = 600;
const MEAN_S = 5; // a point is the mean of so many seconds
const EDGE = { top: 10, right: 12, bottom: 24, left: 48 };
const SVG = "http://www.w3.org/2000/svg";

export class Chart {
  // `told` gets the text of the point under the pointer, or "".
  constructor(place, told) {
    this.place = place;
    this.told = told;
    this.svg = make("svg", { role: "img" });
    this.place.append(this.svg);
    this.points = [];
    this.end = Date.now() / 1000;
    this.width = this.height = 0;
    new ResizeObserver(() => this.draw()).observe(place);
    this.place.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.place.addEventListener("pointerleave", () => this.point(null));
  }

  show(rates, at) {
    this.points = means(rates, at);
    this.end = at;
    this.draw();
  }

  draw() {
    if (this.place.clientWidth === 0) return;
    this.width = this.place.clientWidth;
    this.height = this.place.clientHeight;
    const highest = niceTop(Math.max(4, ...this.points.map((point) => Math.max(point.read, point.delivered))));
    const across = (at) => EDGE.left + ((at - this.end + SPAN_S) / SPAN_S) * (this.width - EDGE.left - EDGE.right);
    const up = (value) => this.height - EDGE.bottom - (value / highest) * (this.height - EDGE.top - EDGE.bottom);
    this.across = across;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("aria-label", summary(this.points));
    if (this.points.length === 0) {
      const nothing = make("text", { x: this.width / 2, y: up(highest * 0.6), "text-anchor": "middle" });
      nothing.textContent = "Nothing was read yet";
      this.svg.replaceChildren(...this.lines(highest, up), ...this.times(across), nothing);
      return;
    }
    const places = [...this.points, this.points.at(-1)]; // the last one twice: a lone point is a dot
    const path = (name) => places.map((point) => `${across(point.at).toFixed(1)},${up(point[name]).toFixed(1)}`).join(" L");
    const [first, last] = [across(this.points[0].at).toFixed(1), across(this.points.at(-1).at).toFixed(1)];
    this.pointer = make("line", { class: "pointer", y1: EDGE.top, y2: this.height - EDGE.bottom, x1: -9, x2: -9 });
    this.svg.replaceChildren(
      ...this.lines(highest, up),
      ...this.times(across),
      make("path", { class: "area", d: `M${first},${up(0)} L${path("delivered")} L${last},${up(0)} Z` }),
      make("path", { class: "out", d: `M${path("delivered")}` }),
      make("path", { class: "in", d: `M${path("read")}` }),
      this.pointer,
    );
    this.point(this.pointedAt ?? null);
  }

  lines(highest, up) {
    return [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
      const y = up(share * highest).toFixed(1);
      const label = make("text", { x: EDGE.left - 8, y, dy: "0.33em", "text-anchor": "end" });
      label.textContent = perSecond(share * highest);
      return [make("line", { class: share ? "grid" : "axis", x1: EDGE.left, x2: this.width - EDGE.right, y1: y, y2: y }), label];
    });
  }

  times(across) {
    const every = this.width < 480 ? 240 : 120;
    const marks = [];
    for (let at = Math.ceil((this.end - SPAN_S) / every) * every; at <= this.end; at += every) {
      const x = across(at);
      if (x > this.width - EDGE.right - 16 || x < EDGE.left + 4) continue;
      const label = make("text", { x: x.toFixed(1), y: this.height - 6, "text-anchor": "middle" });
      label.textContent = minute(at);
      marks.push(make("line", { class: "axis", x1: x, x2: x, y1: this.height - EDGE.bottom, y2: this.height - EDGE.bottom + 4 }), label);
    }
    return marks;
  }

  point(x) {
    this.pointedAt = x;
    if (x === null || this.points.length === 0) {
      this.pointer?.setAttribute("x1", -9);
      this.pointer?.setAttribute("x2", -9);
      this.told("");
      return;
    }
    const distance = (point) => Math.abs(this.across(point.at) - x);
    const nearest = this.points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
    const there = this.across(nearest.at);
    this.pointer.setAttribute("x1", there);
    this.pointer.setAttribute("x2", there);
    this.told(`${time(nearest.at)}: in ${perSecond(nearest.read)}, out ${perSecond(nearest.delivered)}`);
  }
}

// One row for each minute: { from, read, delivered, and the highest second of both }.
export function minutes(rates) {
  const found = new Map();
  for (const rate of rates) {
    const from = Math.floor(rate.at / 60) * 60;
    const row = found.get(from) ?? { from, seconds: 0, read: 0, delivered: 0, highestRead: 0, highestDelivered: 0 };
    row.seconds += 1;
    row.read += rate.read;
    row.delivered += rate.delivered;
    row.highestRead = Math.max(row.highestRead, rate.read);
    row.highestDelivered = Math.max(row.highestDelivered, rate.delivered);
    found.set(from, row);
  }
  return [...found.values()].map((row) => ({ ...row, read: row.read / row.seconds, delivered: row.delivered / row.seconds }));
}

// By the clock, so that a point stays what it is while the next ones come; one that is not complete yet is left out.
function means(rates, end) {
  const found = new Map();
  for (const rate of rates) {
    if (rate.at < end - SPAN_S) continue;
    const from = Math.floor(rate.at / MEAN_S) * MEAN_S;
    const point = found.get(from) ?? { at: from + MEAN_S / 2, seconds: 0, read: 0, delivered: 0 };
    point.seconds += 1;
    point.read += rate.read;
    point.delivered += rate.delivered;
    found.set(from, point);
  }
  const points = [...found.values()].map((point) => (
    { at: point.at, read: point.read / point.seconds, delivered: point.delivered / point.seconds }
  ));
  return points.length > 1 && points.at(-1).at + MEAN_S / 2 > end ? points.slice(0, -1) : points;
}

// Its quarters are round, too.
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].find((step) => step * power >= value) * power;
}

function summary(points) {
  if (points.length === 0) return "Events per second over the last ten minutes: nothing was read yet.";
  const highest = points.reduce((best, point) => (point.read > best.read ? point : best));
  const last = points.at(-1);
  return `Events per second over the last ten minutes. Now in ${perSecond(last.read)}, out ${perSecond(last.delivered)}; ` +
    `highest in ${perSecond(highest.read)} at ${minute(highest.at)}. The table below has the figures.`;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
