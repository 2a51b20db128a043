// Charts as inline SVG, in colours and shapes that do not depend on telling red from green.

const SERIES = 7;
const colour = (i) => `var(--series-${i % SERIES})`;
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const dash = (i) => DASHES[Math.floor(i / SERIES) % DASHES.length];

// Eight shapes of about the same area; with seven colours the pairs repeat only after 56 series.
const SHAPES = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (x, y, r) => `M${x - r * 0.9} ${y - r * 0.9}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
  (x, y, r) => `M${x} ${y - 1.25 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`,
  (x, y, r) => `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`,
  (x, y, r) => `M${x} ${y + 1.25 * r}l${1.2 * r} ${-2.1 * r}h${-2.4 * r}z`,
  (x, y, r) => `M${x - 1.2 * r} ${y - 0.4 * r}h${0.8 * r}v${-0.8 * r}h${0.8 * r}v${0.8 * r}h${0.8 * r}v${0.8 * r}h${-0.8 * r}v${0.8 * r}h${-0.8 * r}v${-0.8 * r}h${-0.8 * r}z`,
  (x, y, r) => `M${x - 1.3 * r} ${y - 0.65 * r}h${2.6 * r}v${1.3 * r}h${-2.6 * r}z`,
  (x, y, r) => `M${x - 0.65 * r} ${y - 1.3 * r}h${1.3 * r}v${2.6 * r}h${-1.3 * r}z`,
];
const shape = (i, x, y, r) => SHAPES[i % SHAPES.length](x, y, r);

function legend(names, mark) {
  return h("ul", { class: "legend" }, names.map((name, i) => h("li", {}, s("svg", { viewBox: "0 0 20 14", "aria-hidden": "true" }, mark(i)), name)));
}
const pointMark = (i) => s("path", { d: shape(i, 10, 7, 4.5), fill: colour(i) });
const lineMark = (i) => s("path", { d: "M0 7H20", stroke: colour(i), "stroke-width": 2, "stroke-dasharray": dash(i), fill: "none" });

const MARGIN = { left: 52, right: 14, top: 12, bottom: 42 };

// Axes with ticks; returns the SVG and the two scales.
function axes({ width, height, xs, ys, x, y, xName, yName, margin = MARGIN }) {
  const xScale = x(xs, margin.left, width - margin.right);
  const yScale = y(ys, height - margin.bottom, margin.top);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const bottom = height - margin.bottom;
  for (const [value, label] of yScale.ticks) {
    const at = yScale.place(value);
    svg.append(s("path", { class: "axis", d: `M${margin.left} ${at}H${width - margin.right}` }),
      s("text", { x: margin.left - 7, y: at + 4, "text-anchor": "end" }, label));
  }
  svg.append(s("path", { class: "axis", d: `M${margin.left} ${bottom}H${width - margin.right}` }));
  for (const [value, label] of xScale.ticks) {
    const at = xScale.place(value);
    svg.append(s("path", { class: "axis", d: `M${at} ${bottom}v4` }), s("text", { x: at, y: bottom + 17, "text-anchor": "middle" }, label));
  }
  if (xName) svg.append(s("text", { class: "title", x: width - margin.right, y: height - 6, "text-anchor": "end" }, `${xName} →`));
  if (yName) svg.append(s("text", { class: "title", x: 2, y: margin.top - 14 }, `↑ ${yName}`));
  return { svg, xScale, yScale };
}

// As wide as is wanted and as the window allows, so that the words of a chart stay legible on a phone.
const plotWidth = (most) => Math.max(280, Math.min(most, document.documentElement.clientWidth - 32));

// points: [{x, y, series, words, open}]; joins: [{series, points: [[x, y]], bars: [[x, low, high]]}], lines through means
// and their intervals, which may go on beyond the plot.
function scatter({ points, label, xName, yName, x = linear, y = linear, joins = [], most = 620 }) {
  const width = plotWidth(most);
  const height = Math.round(Math.max(300, width * 0.62));
  const margin = { ...MARGIN, top: 30 };
  const { svg, xScale, yScale } = axes({ width, height, xs: points.map((p) => p.x), ys: points.map((p) => p.y), x, y, xName, yName, margin });
  const within = (y) => Math.max(margin.top, Math.min(height - margin.bottom, yScale.place(y)));
  for (const [i, { series, bars = [] }] of joins.entries()) {
    const aside = 7 * (i - (joins.length - 1) / 2); // Those of several series stand beside each other.
    for (const [px, low, high] of bars) {
      svg.append(s("path", { d: `M${xScale.place(px) + (joins.length < 8 ? aside : 0)} ${within(low)}V${within(high)}`, class: "bar", stroke: colour(series), "stroke-width": 6, "stroke-opacity": 0.25 }));
    }
  }
  for (const { series, points: path } of joins) {
    const d = path.map(([px, py], i) => `${i ? "L" : "M"}${xScale.place(px)} ${yScale.place(py)}`).join("");
    svg.append(s("path", { d, fill: "none", stroke: colour(series), "stroke-width": 2, "stroke-opacity": 0.7 }));
  }
  const radius = points.length > 400 ? 2.6 : 4.5;
  const placed = points.map((point) => ({ ...point, x: xScale.place(point.x), y: yScale.place(point.y) }));
  for (const { x: px, y: py, series } of placed) {
    svg.append(s("path", { d: shape(series, px, py, radius), fill: colour(series), "fill-opacity": 0.75, stroke: "var(--paper)", "stroke-width": 0.6 }));
  }
  const plot = h("div", { class: "plot", role: "group", "aria-roledescription": "chart",
    "aria-label": `${label} Arrow keys move from point to point, Enter opens the trial.` }, svg);
  explorable(plot, svg, [placed.sort((a, b) => a.x - b.x || a.y - b.y)]);
  return plot;
}
