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

// A menu below its title; a click elsewhere or Escape closes it.
function dropDown(title, ...content) {
  const details = h("details", { class: "menu", onkeydown: (event) => {
    if (event.key === "Escape") { details.open = false; title.focus(); }
  } }, title, h("div", {}, content));
  document.addEventListener("pointerdown", (event) => { if (!details.contains(event.target)) details.open = false; });
  return details;
}

// Shows other words on a button for a moment; screen readers hear them too.
function say(button, words) {
  const own = button.dataset.words ?? (button.dataset.words = button.textContent);
  button.textContent = words;
  byId("said").textContent = words;
  setTimeout(() => { button.textContent = own; byId("said").textContent = ""; }, 1600);
}
