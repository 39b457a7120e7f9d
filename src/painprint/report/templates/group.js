"use strict";
// Tables that are sorted by a click on a heading and searched by text; the matrix and the pairs of many people.
(() => {
  const make = (tag, given = {}) => Object.assign(document.createElement(tag), given);
  const value = (cell) => {
    const number = Number.parseFloat(cell.textContent.replace("\u2212", "-").replace("< ", ""));
    return Number.isNaN(number) ? null : number;
  };
  const compare = (column) => (a, b) => {
    const [x, y] = [a, b].map((row) => value(row.cells[column]));
    if (x === null && y === null) return a.cells[column].textContent.localeCompare(b.cells[column].textContent, undefined, { numeric: true });
    return x === null ? 1 : y === null ? -1 : x - y;
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.ariaSort === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort(compare(column));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
    if (body.rows.length < 8 && table.id !== "pairs") return;
    const search = make("input", { type: "search" });
    const label = make("label", { textContent: "Search " });
    label.append(search);
    const tools = make("div", { className: "table-tools" });
    tools.append(label);
    table.closest(".scroll").before(tools);
    search.addEventListener("input", () => {
      const wanted = search.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    table.addEventListener("filled", () => search.dispatchEvent(new Event("input")));
  });

  const choice = document.getElementById("matrix-order");
  if (choice && choice.options.length > 1) {
    choice.closest("[hidden]").hidden = false;
    const show = () => document.querySelectorAll("[data-order]").forEach((one) => { one.hidden = one.dataset.order !== choice.value; });
    choice.addEventListener("change", show);
    show();
  }

  const data = document.getElementById("pairs-data");
  if (!data) return;
  const { people, rows } = JSON.parse(data.textContent);
  const number = (x, digits = 2) => (x === null ? "n/a" : x.toFixed(digits).replace(/^-(?=0\.0*$)/, "").replace("-", "\u2212"));
  const estimate = (row) => (row[4] === null ? number(row[3]) : `${number(row[3])} (${number(row[4])} to ${number(row[5])})`);

  const of = document.getElementById("pairs-of"), as = document.getElementById("pairs-as"), pairs = document.getElementById("pairs");
  const fill = () => {
    const who = people.indexOf(of.value);
    pairs.tBodies[0].replaceChildren(...rows.filter((row) => row[Number(as.value)] === who).map((row) => {
      const on = people[row[1]] + (row[0] === row[1] ? " (own, held out)" : "");
      const line = make("tr");
      [people[row[0]], on, row[2], estimate(row), ...row.slice(6, 9).map((x) => number(x)), number(row[9], 3)].forEach((text, at) => line.append(make("td", { textContent: text, className: at === 1 ? "text" : "" })));
      return line;
    }));
    for (const heading of pairs.tHead.rows[0].cells) heading.removeAttribute("aria-sort");
    pairs.dispatchEvent(new Event("filled"));
  };
  document.getElementById("pairs-tools").hidden = false;
  of.addEventListener("change", fill);
  as.addEventListener("change", fill);
  fill();

  const at = new Map(rows.map((row) => [row[0] * people.length + row[1], row]));
  const said = document.getElementById("matrix-said"), byName = people.map((_, i) => i).sort((a, b) => (people[a] < people[b] ? -1 : 1));
  document.querySelectorAll("[data-order]").forEach((box) => {
    const images = [...box.querySelectorAll("image")];
    const names = box.dataset.order === "matrix" ? people.map((_, i) => i) : byName;
    const models = names.filter((i) => rows.some((row) => row[0] === i)), persons = names.filter((i) => rows.some((row) => row[1] === i));
    box.addEventListener("pointermove", (event) => {
      // the larger of the images: the other is the colour bar
      const cells = images.map((image) => image.getBoundingClientRect()).reduce((a, b) => (a.width > b.width ? a : b));
      const column = Math.floor(((event.clientX - cells.left) / cells.width) * persons.length), line = Math.floor(((event.clientY - cells.top) / cells.height) * models.length);
      if (!(column in persons && line in models)) return;
      const row = at.get(models[line] * people.length + persons[column]);
      said.textContent = `Signature of ${people[models[line]]} on ${people[persons[column]]}: ${row ? estimate(row) : "not applied"}`;
    });
  });
})();
