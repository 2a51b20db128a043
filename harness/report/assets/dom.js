// Elements. Every text from the data enters the page as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
// Adds children; what is null or empty is left out.
const put = (element, ...children) => fill(element, {}, children);
const byId = (id) => document.getElementById(id);
const bodyOf = (id) => byId(id).querySelector(".body");
const empty = (...text) => h("p", { class: "empty" }, ...text);

// Lines of the page's own colour between the images that a picture holds side by side.
function tiles(picture, columns, rows) {
  const frame = h("div", { class: "tiles" }, picture);
  frame.style.setProperty("--columns", columns);
  frame.style.setProperty("--rows", rows);
  return frame;
}

let fieldCount = 0;

// A labelled <select>; options are [value, text] pairs.
function choice(label, options, value, changed) {
  const id = `field-${(fieldCount += 1)}`;
  const select = h("select", { id, onchange: () => changed(select.value) },
    options.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text)));
  return h("label", { class: "field", for: id }, label, select);
}

// The first rows, and a button for the others: a page of thousands stays quick.
function growing(container, items, first, draw) {
  let shown = 0;
  const more = h("button", { type: "button", onclick: () => grow(items.length) });
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
