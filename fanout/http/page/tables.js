// Tables that change under the eyes of who reads them: rows and cells stay, only what differs is written.
// Text is always text: nothing here makes markup of it.

// A cell is a text, or { text, note, bar: 0 to 1, level: "warning" or "error", kind: a class }.
export function fill(table, rows, none = "None") {
  const body = table.tBodies[0];
  const columns = [...table.tHead.rows[0].cells];
  if (rows.length === 0) {
    body.replaceChildren(emptyRow(none, columns.length));
    return;
  }
  if (body.firstElementChild?.classList.contains("none")) body.replaceChildren();
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  rows.forEach((cells, number) => {
    const row = body.rows[number] ?? body.appendChild(newRow(columns));
    cells.forEach((cell, column) => write(row.cells[column], typeof cell === "object" ? cell : { text: cell }));
  });
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function newRow(columns) {
  const row = document.createElement("tr");
  columns.forEach((column, number) => {
    const cell = document.createElement(number === 0 ? "th" : "td");
    if (number === 0) cell.scope = "row";
    cell.className = column.className;
    cell.append(span("text"), span("note"));
    row.append(cell);
  });
  return row;
}

function write(cell, { text, note = "", bar, level = "", kind = "" }) {
  setText(cell.children[0], text);
  setText(cell.children[1], note);
  cell.dataset.level = level;
  cell.dataset.kind = kind;
  if (bar == null) {
    cell.classList.remove("bar");
  } else {
    cell.classList.add("bar");
    cell.style.setProperty("--bar", `${Math.min(Math.max(bar, 0), 1)}`);
  }
}

function emptyRow(none, columns) {
  const row = document.createElement("tr");
  const cell = document.createElement("td");
  row.className = "none";
  cell.colSpan = columns;
  cell.textContent = none;
  row.append(cell);
  return row;
}

function span(name) {
  const element = document.createElement("span");
  element.className = name;
  return element;
}

// Headings sort: `told` is called when the order changes. At first it is by this column, the largest first.
// Returns what puts items in that order; what is alike in it is ordered by the first column.
export function sortable(table, columns, column, told) {
  const headings = [...table.tHead.rows[0].cells];
  let order = { column, sign: -1 };
  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener("click", () => {
      // The first click on a figure shows the worst, which is the largest; of the number and the times the smallest.
      const first = columns[column].worst === "largest" ? -1 : 1;
      order = { column, sign: order.column === column ? -order.sign : first };
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
      told();
    });
  });
  return (items) => {
    const value = (item) => columns[order.column].of(item) ?? -Infinity;
    return [...items].sort((a, b) => order.sign * compare(value(a), value(b)) || compare(columns[0].of(a), columns[0].of(b)));
  };
}

function compare(a, b) {
  return a === b ? 0 : a < b ? -1 : 1;
}
