// Tables: they scroll by themselves where the window is too narrow, grow on demand, and can be copied.

// A table in a frame that scrolls by pointer and keyboard, and what stands above it.
function scrolling(label, table, ...above) {
  const columns = table.querySelector("tr")?.children.length ?? 1;
  table.style.setProperty("--columns", columns);
  return h("div", { class: "framed" }, above, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table));
}

// The first rows, and a button for the others: a page of thousands stays quick.
function growing(container, items, first, draw) {
  let shown = 0;
  const more = h("button", { type: "button", class: "more", onclick: () => grow(items.length) });
  function grow(until) {
    const before = shown;
    container.append(...items.slice(shown, until).map(draw));
    shown = Math.min(until, items.length);
    more.hidden = shown >= items.length;
    more.textContent = `Show all ${items.length.toLocaleString("en")}`;
    if (before) container.children[before]?.querySelector("a, button")?.focus();
  }
  grow(first);
  return more;
}

// A table of many rows: `draw` makes the row of an item.
function longTable({ label, head, items, first, draw, kind = "" }) {
  const lines = h("tbody", {});
  const more = growing(lines, items, first, draw);
  const table = h("table", { class: `wide ${kind}`.trim() }, h("thead", {}, head), lines);
  return [scrolling(label, table, copyMenu(head, () => items.map(draw))), more];
}
