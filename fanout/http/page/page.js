// Puts a status on the page. Ages are reckoned by the replica's clock, not by this browser's.

import { Chart, minutes } from "./chart.js";
import { follow } from "./feed.js";
import { bytes, count, duration, perSecond, percent, ranges, time } from "./format.js";
import { fill, setText, sortable } from "./tables.js";

const WORDS = { ok: "OK", warning: "Warning", error: "Error" };
const NEAR = 0.5; // of retention: then the bar of a partition warns
const OVER = 0.8; // then it is an error
const RATE_S = 10; // "now" is the mean of so many seconds

const TOTALS = {
  records_in: "Records read",
  bytes_in: "Bytes read",
  delivered: "Records delivered",
  dead_letters: "Dead letters",
  skipped: "Skipped by a setting",
  resyncs_dropped: "Resyncs dropped",
  expired: "Deleted in the source unread",
  redelivered: "Sent again after a failure",
  topics_created: "Topics created",
};

const byId = (id) => document.getElementById(id);
const chart = new Chart(byId("chart"), (text) => setText(byId("rate-at"), text));
let shown = null;

const PARTITION_COLUMNS = [
  { of: (partition) => partition.partition, worst: "smallest" },
  { of: (partition) => partition.lag_seconds, worst: "largest" },
  { of: (partition) => partition.lag_records, worst: "largest" },
  // In whole hundredths: what is well stays in its place, and what is not comes to the top.
  { of: (partition) => Math.round((partition.retention_share ?? 0) * 100), worst: "largest" },
  { of: (partition) => partition.progressed_at, worst: "smallest" },
  { of: (partition) => partition.position, worst: "smallest" },
];
const SHARE = 3;
const inOrder = sortable(byId("partitions"), PARTITION_COLUMNS, SHARE, () => showPartitions(shown));

function show(status) {
  shown = status;
  setText(byId("version"), status.version);
  setText(byId("what"), `${status.topic} as ${status.group}`);
  setText(byId("fresh"), `As of ${time(status.at)}`);
  showState(status);
  showFigures(status);
  showRates(status);
  showPartitions(status);
  showWorkers(status);
  showRest(status);
}

function showState(status) {
  byId("state").dataset.level = status.state;
  setText(byId("word"), WORDS[status.state] ?? status.state);
  setText(byId("headline"), status.headline);
  document.title = `${WORDS[status.state] ?? status.state}: ${status.topic} – events-fanout`;
  announce(`${WORDS[status.state] ?? status.state}. ${status.headline}`);
  const list = byId("findings");
  while (list.children.length > status.findings.length) list.lastElementChild.remove();
  status.findings.forEach((finding, number) => {
    const item = list.children[number] ?? list.appendChild(byId("finding").content.firstElementChild.cloneNode(true));
    const [mark, text, advice, since, kind] = item.querySelectorAll("[data-part]");
    item.dataset.level = finding.severity;
    setText(mark, WORDS[finding.severity] ?? finding.severity);
    // What the headline says already is not said twice.
    const said = finding.text === status.headline;
    setText(text, said ? finding.advice : finding.text);
    setText(advice, said ? "" : finding.advice);
    setText(since, `Since ${time(finding.since)}, for ${duration(status.at - finding.since)}.`);
    setText(kind, `docs/runbook.md#${finding.kind}`);
  });
}

// Figures change every two seconds; who listens is told when the words do.
let announced = "";
function announce(text) {
  const words = text.replace(/[\d.,]+/g, "#");
  if (words === announced) return;
  announced = words;
  setText(byId("announcement"), text);
}

function showFigures(status) {
  const behind = status.partitions.map((partition) => partition.lag_seconds);
  const shares = status.partitions.map((partition) => partition.retention_share);
  const records = status.partitions.map((partition) => partition.lag_records);
  const running = status.workers.filter((worker) => worker.pid !== null).length;
  const [read, delivered] = now(status);
  const figures = {
    "in-now": [perSecond(read), "events per second"],
    "out-now": [perSecond(delivered), "events per second"],
    behind: [duration(most(behind)), `${count(sum(records))} records`],
    retention: [percent(most(shares)), status.retention_s === null ? "not known, or for ever" : `of ${duration(status.retention_s)}`],
    held: [`${status.partitions.length}`, `of ${count(status.source_partitions)}`],
    running: [`${running}`, `of ${status.workers.length}`],
    letters: [count(status.totals.dead_letters ?? 0), `in ${duration(status.at - status.started_at)}`],
    group: [status.joined ? "joined" : "not joined", status.broker_reachable ? "broker answers" : "broker does not answer"],
  };
  for (const [name, [value, note]] of Object.entries(figures)) {
    const place = document.querySelector(`[data-figure="${name}"]`);
    setText(place.children[0], value);
    setText(place.children[1], note);
  }
}

function showRates(status) {
  const [read, delivered] = now(status);
  setText(byId("rate-in"), perSecond(read));
  setText(byId("rate-out"), perSecond(delivered));
  chart.show(status.rates, status.at);
  fill(byId("minutes"), minutes(status.rates).map((row) => [
    time(row.from), perSecond(row.read), count(row.highestRead), perSecond(row.delivered), count(row.highestDelivered),
  ]), "Nothing was read yet");
}

function showPartitions(status) {
  if (status === null) return;
  const looked = status.partitions.map((partition) => partition.looked_at).filter((at) => at !== null);
  setText(byId("partitions-note"), looked.length ? `the broker was asked ${duration(status.at - Math.min(...looked))} ago` : "");
  fill(byId("partitions"), inOrder(status.partitions).map((partition) => [
    `${partition.partition}`,
    duration(partition.lag_seconds),
    count(partition.lag_records),
    { text: percent(partition.retention_share), bar: partition.retention_share, level: shareLevel(partition.retention_share) },
    partition.progressed_at === null ? "–" : `${duration(status.at - partition.progressed_at)} ago`,
    count(partition.position),
  ]), "This replica holds no partition");
}

function showWorkers(status) {
  setText(byId("workers-note"), status.workers.length ? `${status.workers.length}` : "");
  const trouble = [...status.workers].sort((a, b) => (a.pid !== null) - (b.pid !== null));
  fill(byId("workers"), trouble.map((worker) => [
    ranges(worker.partitions),
    worker.pid === null ? { text: "none", level: "error" } : `${worker.pid}`,
    worker.pid === null ? "–" : duration(status.at - worker.started_at),
    worker.pid === null ? "–" : { text: count(worker.inflight_records), note: bytes(worker.inflight_bytes) },
    count(worker.restarts),
    failure(worker, status.at),
  ]), "None: no partition is assigned");
}

function failure(worker, at) {
  const last = worker.failure;
  if (last === null) return "–";
  const how = last.exit_code < 0 ? `signal ${-last.exit_code}` : `exit code ${last.exit_code}`;
  const next = worker.pid === null && last.retry_at > at ? `, again in ${duration(last.retry_at - at)}` : "";
  const note = `${time(last.at)}, ${how}${next}`;
  return { text: last.reason ? `${last.cause}: ${last.reason}` : last.cause, note, level: worker.pid === null ? "error" : "", kind: "long" };
}

function showRest(status) {
  const busiest = status.namespaces[0]?.records ?? 1;
  fill(byId("namespaces"), status.namespaces.map((namespace) => [
    { text: namespace.topic, bar: namespace.records / busiest, kind: "long" }, count(namespace.records),
  ]), "Nothing was delivered in this time");
  setText(byId("letters-note"), status.dead_letters.length ? `the last ${status.dead_letters.length}` : "");
  fill(byId("letters"), status.dead_letters.map((letter) => [
    time(letter.at), { text: letter.reason, kind: "long" }, `${letter.partition}`, count(letter.offset),
  ]), "None since the start");
  setText(byId("totals-note"), time(status.started_at));
  fill(byId("totals"), [
    ...Object.entries(TOTALS).map(([name, what]) => [what, (name === "bytes_in" ? bytes : count)(status.totals[name] ?? 0)]),
    ...Object.entries(status.refused).map(([reason, value]) => [`Dead letters: ${reason}`, count(value)]),
  ]);
  fill(byId("settings"), status.settings.map((setting) => [setting.name, { text: setting.value, kind: "long" }]));
}

// What is read and delivered a second, over the last seconds that are complete.
function now(status) {
  const last = status.rates.filter((rate) => rate.at >= status.at - RATE_S - 1 && rate.at <= status.at - 1);
  const mean = (name) => (last.length ? sum(last.map((rate) => rate[name])) / last.length : 0);
  return [mean("read"), mean("delivered")];
}

const known = (values) => values.filter((value) => value !== null);
const most = (values) => (known(values).length ? Math.max(...known(values)) : null);
const sum = (values) => (known(values).length ? known(values).reduce((a, b) => a + b, 0) : null);
const shareLevel = (share) => (share >= OVER ? "error" : share >= NEAR ? "warning" : "");

function silent(since) {
  document.body.classList.toggle("silent", since !== null);
  const lost = byId("lost");
  lost.hidden = since === null;
  if (since === null) return;
  const when = time(since / 1000);
  setText(lost, shown === null ? `No answer since ${when}.` : `No answer since ${when}: what is shown is of then.`);
  announce(lost.textContent);
}

follow(show, silent);
