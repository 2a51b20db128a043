// Figures as SVG files: in the colours of the light page, with their legend, and without a style sheet.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin"];
const LETTERS = ["font-family", "font-size", "font-weight", "text-anchor"];
const DEFAULTS = { "fill-opacity": "1", "stroke-opacity": "1", "stroke-dasharray": "none", "stroke-linejoin": "miter" };
const LEGEND_LINE = 20;

// The same element with its computed style as attributes.
function selfContained(element) {
  const copy = element.cloneNode(true);
  const originals = [element, ...element.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((part, i) => {
    const style = getComputedStyle(originals[i]);
    for (const name of part.tagName === "text" ? [...KEPT, ...LETTERS] : KEPT) {
      const value = style.getPropertyValue(name);
      if (value && DEFAULTS[name] !== value) part.setAttribute(name, value);
    }
    part.removeAttribute("class");
  });
  copy.querySelectorAll("[visibility=hidden]").forEach((part) => part.remove());
  return copy;
}

// A table of coloured cells, where they lie on the page.
function tableAsSvg(table) {
  const frame = table.getBoundingClientRect();
  const svg = s("svg", { viewBox: `0 0 ${Math.ceil(frame.width)} ${Math.ceil(frame.height)}` });
  for (const cell of table.querySelectorAll("th, td")) {
    if (!cell.textContent) continue;
    const [box, style] = [cell.getBoundingClientRect(), getComputedStyle(cell)];
    const [x, y] = [box.left - frame.left, box.top - frame.top];
    const anchor = { right: "end", left: "start", start: "start" }[style.textAlign] ?? "middle";
    const at = { start: x + 4, middle: x + box.width / 2, end: x + box.width - 4 }[anchor];
    svg.append(s("rect", { x, y, width: box.width, height: box.height, fill: style.backgroundColor }),
      s("text", { x: at, y: y + box.height / 2, dy: ".35em", "text-anchor": anchor, fill: style.color, "font-family": style.fontFamily, "font-size": style.fontSize }, cell.textContent));
  }
  return svg;
}

// The entries of a legend below the drawing, as many beside each other as fit.
function legendAsSvg(legend, width, top, letters) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = letters.font;
  let [x, y] = [0, top];
  const entries = [...(legend?.querySelectorAll("li") ?? [])].map((item) => {
    const room = 30 + context.measureText(item.textContent).width + 14;
    if (x && x + room > width) [x, y] = [0, y + LEGEND_LINE];
    const mark = selfContained(item.querySelector("svg"));
    fill(mark, { x: x + 4, y: y + 3, width: 20, height: 14 }, []);
    const words = s("text", { x: x + 30, y: y + 14, "font-family": letters.fontFamily, "font-size": letters.fontSize, fill: letters.color }, item.textContent);
    x += room;
    return [mark, words];
  });
  return { entries, bottom: entries.length ? y + LEGEND_LINE : top };
}

function figureAsSvg(content, legend, title) {
  const drawing = content.querySelector("svg") ? selfContained(content.querySelector("svg")) : tableAsSvg(content.querySelector("table"));
  const { width, height } = drawing.viewBox.baseVal;
  const page = getComputedStyle(content);
  const { entries, bottom } = legendAsSvg(legend, width, height + 6, page);
  drawing.removeAttribute("aria-hidden");
  drawing.prepend(s("title", {}, title), s("rect", { width, height: bottom, fill: getComputedStyle(document.body).backgroundColor }));
  put(fill(drawing, { viewBox: `0 0 ${width} ${bottom}`, width, height: bottom }, []), entries);
  return new XMLSerializer().serializeToString(drawing);
}

function saveButton(content, legend, title) {
  return h("button", { type: "button", class: "quiet save", "aria-label": `Save as SVG: ${title}`, onclick: () => {
    document.documentElement.classList.add("light");
    const text = figureAsSvg(content, legend, title);
    document.documentElement.classList.remove("light");
    const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    h("a", { href: url, download: `${`${data.studies[0].name} ${title}`.replace(/[^\p{L}\p{N}.=-]+/gu, "-").slice(0, 80)}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  } }, "Save SVG");
}

// A figure that can be saved: a drawing, or a table with the menu that copies it. `legend` may stand outside it,
// shared with others.
function figure(caption, drawing, { legend = null, within = true, title = caption } = {}) {
  const { content, copy } = drawing instanceof Element ? { content: drawing, copy: null } : drawing;
  return h("figure", {}, h("figcaption", {}, caption), content, within ? legend : null, h("div", { class: "tools" }, copy, saveButton(content, legend, title)));
}
