// Reading charts by pointer and keyboard: the nearest point tells its name and values, Enter opens it.

const tip = byId("tip");

function showTip(words, x, y) {
  tip.textContent = words;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${y - height - 12 < 4 ? y + 16 : y - height - 12}px`;
}

const hideTip = () => { tip.hidden = true; };

const REACH = 28;

// lines: lists of points {x, y, words, open} in the units of the SVG's view box, each from left to right; of a point
// `words` is a function that says what it is. Left and right go along a line, up and down to the one beside it.
function explorable(plot, svg, lines, { reach = REACH } = {}) {
  const filled = lines.filter((line) => line.length);
  if (!filled.length) return;
  const ring = s("circle", { r: 6, fill: "none", stroke: "var(--ink)", "stroke-width": 2, visibility: "hidden" });
  svg.append(ring);
  let current = null;

  const scale = () => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  function select(line, place) {
    current = { line, place };
    const point = filled[line][place];
    fill(ring, { cx: point.x, cy: point.y, visibility: "visible" }, []);
    const box = svg.getBoundingClientRect();
    showTip(point.words(), box.left + point.x * scale(), box.top + point.y * scale());
  }
  function leave() {
    ring.setAttribute("visibility", "hidden");
    hideTip();
    current = null;
  }
  function nearest(event) {
    const box = svg.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / scale(), (event.clientY - box.top) / scale()];
    let [best, distance] = [null, (reach / scale()) ** 2];
    filled.forEach((points, line) => points.forEach((point, place) => {
      const d = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (d < distance) [best, distance] = [{ line, place }, d];
    }));
    return best;
  }
  function move(along, across) {
    if (!current) return select(0, 0);
    const line = (current.line + across + filled.length) % filled.length;
    const points = filled[line];
    if (line === current.line) return select(line, (current.place + along + points.length) % points.length);
    const { x } = filled[current.line][current.place];
    return select(line, points.reduce((best, point, place) => (Math.abs(point.x - x) < Math.abs(points[best].x - x) ? place : best), 0));
  }
  const opener = (found) => found && filled[found.line][found.place].open;

  plot.tabIndex = 0;
  plot.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    plot.style.cursor = opener(found) ? "pointer" : "";
    if (found) select(found.line, found.place); else leave();
  });
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("click", (event) => opener(nearest(event))?.());
  plot.addEventListener("keydown", (event) => {
    const across = filled.length > 1 ? [0, 1] : [1, 0];
    const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: across, ArrowUp: across.map((step) => -step) };
    if (event.key in moves) move(...moves[event.key]);
    else if (event.key === "Home") select(current?.line ?? 0, 0);
    else if (event.key === "End") select(current?.line ?? 0, filled[current?.line ?? 0].length - 1);
    else if (event.key === "Escape") leave();
    else if (event.key === "Enter" && current) opener(current)?.();
    else return;
    event.preventDefault();
  });
}

const openTrial = (place) => () => { hideTip(); location.hash = `trial-${trialKey(place)}`; };
