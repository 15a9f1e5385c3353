// The table of findings: filtered and sorted over columns, drawn only where it is looked at.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const page = JSON.parse(at("findings").textContent);
  const { columns, count, data } = page;
  const HEIGHT = 31;
  const cell = (name, row) => {
    const column = data[name];
    if (column.numbers) return column.numbers[row];
    return column.at[row] < 0 ? "" : column.words[column.at[row]];
  };
  const view = at("view"), body = at("rows"), shown = at("shown"), detail = at("detail");
  const choices = [...document.querySelectorAll("select[data-column]")], box = at("filter");
  let rows = Array.from({ length: count }, (_, row) => row);
  let order = null;

  // Which words of a column hold a text: each different word is looked at once.
  const lower = {};
  const holding = (name, text) => {
    const column = data[name];
    if (column.numbers) return (row) => String(column.numbers[row]).includes(text);
    lower[name] = lower[name] || column.words.map((word) => word.toLowerCase());
    const has = lower[name].map((word) => word.includes(text));
    return (row) => column.at[row] >= 0 && has[column.at[row]];
  };

  const ranks = (name) => {
    const column = data[name];
    if (column.numbers) return (row) => column.numbers[row];
    const sorted = column.words.map((_, i) => i);
    sorted.sort((a, b) => (column.words[a] < column.words[b] ? -1 : 1));
    const rank = [];
    sorted.forEach((word, place) => { rank[word] = place; });
    return (row) => (column.at[row] < 0 ? -1 : rank[column.at[row]]);
  };

  const choose = () => {
    const tests = choices.filter((choice) => choice.value !== "").map((choice) => {
      const column = data[choice.dataset.column];
      const wanted = column.words.indexOf(choice.value);
      return (row) => column.at[row] === wanted;
    });
    for (const text of box.value.toLowerCase().split(/\s+/).filter(Boolean)) {
      const some = columns.map((name) => holding(name, text));
      tests.push((row) => some.some((test) => test(row)));
    }
    rows = [];
    for (let row = 0; row < count; row++) if (tests.every((test) => test(row))) rows.push(row);
    if (order) {
      const rank = ranks(order.name);
      rows.sort((a, b) => order.sign * (rank(a) - rank(b)) || a - b);
    }
    shown.textContent = `${rows.length.toLocaleString("en")} of ${count.toLocaleString("en")}`;
    view.scrollTop = 0;
    view.querySelector("table").setAttribute("aria-rowcount", rows.length + 1);
    draw();
  };

  const gap = (lines) => {
    const tr = document.createElement("tr"), td = document.createElement("td");
    tr.className = "gap";
    tr.setAttribute("aria-hidden", "true");
    td.colSpan = columns.length;
    td.style.height = `${lines * HEIGHT}px`;
    tr.append(td);
    return tr;
  };

  const show = (row) => {
    detail.replaceChildren();
    for (const name of columns) {
      if (cell(name, row) === "") continue;
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = name;
      dd.textContent = cell(name, row);
      detail.append(dt, dd);
    }
    detail.hidden = false;
  };

  const draw = () => {
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - 10);
    const last = Math.min(rows.length, first + Math.ceil(window.innerHeight / HEIGHT) + 30);
    const part = document.createDocumentFragment();
    if (first) part.append(gap(first));
    for (let place = first; place < last; place++) {
      const row = rows[place], tr = document.createElement("tr");
      tr.setAttribute("aria-rowindex", place + 2);
      for (const name of columns) {
        const td = document.createElement("td"), text = cell(name, row);
        if (name === "row") {
          const button = document.createElement("button");
          button.type = "button";
          button.textContent = text;
          button.setAttribute("aria-label", `row ${text}: show the whole finding`);
          button.addEventListener("click", () => show(row));
          td.append(button);
          td.className = "n";
        } else {
          td.textContent = text;
          td.title = text;
          if (name === "severity") td.className = text;
        }
        tr.append(td);
      }
      part.append(tr);
    }
    if (last < rows.length) part.append(gap(rows.length - last));
    body.replaceChildren(part);
  };

  view.addEventListener("scroll", draw); // browsers send it once a frame
  addEventListener("resize", draw);
  box.addEventListener("input", choose);
  for (const choice of choices) choice.addEventListener("change", choose);
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.sort;
      order = { name, sign: order && order.name === name ? -order.sign : 1 };
      for (const other of document.querySelectorAll("button[data-sort]")) {
        other.parentElement.setAttribute("aria-sort", "none");
      }
      button.parentElement.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
      choose();
    });
  }
  choose();
})();
