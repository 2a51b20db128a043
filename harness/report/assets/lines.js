// Line charts: a value at each training step.

const LINES_MARGIN = { left: 52, right: 12, top: 26, bottom: 40 };

// lines: [{series, xs, ys, words, open}]; `unit` stands behind every value that is read off, `y` makes their scale.
function lineChart({ lines, label, xName, yName, unit = "", width = 340, height = 232, faint = false, y = automatic }) {
  const { svg, xScale, yScale } = axes({ width, height, xs: lines.flatMap((line) => line.xs), ys: lines.flatMap((line) => line.ys),
    x: (v, a, b) => linear(v, a, b, 4), y: (v, a, b) => y(v, a, b, 4), xName, yName, margin: LINES_MARGIN });
  const placed = lines.map((line) => {
    const points = [];
    let [d, pen] = ["", "M"];
    line.xs.forEach((value, i) => {
      if (line.ys[i] === null) { pen = "M"; return; }
      const [x, y] = [xScale.place(value), yScale.place(line.ys[i])];
      d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
      points.push({ x, y, open: line.open, words: () => `${line.words}\n${xName} ${value.toLocaleString("en")}: ${number(line.ys[i])}${unit && ` ${unit}`}` });
    });
    svg.append(s("path", { d, fill: "none", stroke: colour(line.series), "stroke-width": faint ? 1.1 : 1.6,
      "stroke-dasharray": dash(line.series), "stroke-opacity": faint ? 0.7 : 1, "stroke-linejoin": "round" }));
    return points;
  });
  const plot = h("div", { class: "plot", role: "group", "aria-roledescription": "chart",
    "aria-label": `${label} Left and right arrow keys move along a line, up and down to the next one${lines.some((line) => line.open) ? ", Enter opens its trial" : ""}.` }, svg);
  explorable(plot, svg, placed, { reach: Infinity });
  return plot;
}
