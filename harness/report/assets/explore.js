// Reading charts by pointer and keyboard: the nearest point tells its name, Enter opens it.

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

// points: [{x, y, words, open}] in the units of the SVG's view box.
function explorable(plot, svg, points) {
  if (!points.length) return;
  const ring = s("circle", { r: 8, fill: "none", stroke: "currentColor", "stroke-width": 2, visibility: "hidden" });
  svg.append(ring);
  const order = points.map((_, i) => i).sort((a, b) => points[a].x - points[b].x || points[a].y - points[b].y);
  let current = -1;

  const scale = () => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  function select(position) {
    current = position;
    const point = points[order[current]];
    ring.setAttribute("cx", point.x);
    ring.setAttribute("cy", point.y);
    ring.setAttribute("visibility", "visible");
    const box = svg.getBoundingClientRect();
    showTip(point.words, box.left + point.x * scale(), box.top + point.y * scale());
  }
  function leave() {
    ring.setAttribute("visibility", "hidden");
    hideTip();
    current = -1;
  }
  function nearest(event) {
    const box = svg.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / scale(), (event.clientY - box.top) / scale()];
    let [best, distance] = [-1, (REACH / scale()) ** 2];
    order.forEach((i, position) => {
      const d = (points[i].x - x) ** 2 + (points[i].y - y) ** 2;
      if (d < distance) [best, distance] = [position, d];
    });
    return best;
  }

  plot.tabIndex = 0;
  plot.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    plot.style.cursor = found >= 0 && points[order[found]].open ? "pointer" : "";
    if (found >= 0) select(found); else leave();
  });
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found >= 0) points[order[found]].open?.();
  });
  plot.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in moves) select((current + moves[event.key] + order.length) % order.length);
    else if (event.key === "Home") select(0);
    else if (event.key === "End") select(order.length - 1);
    else if (event.key === "Escape") leave();
    else if (event.key === "Enter" && current >= 0) points[order[current]].open?.();
    else return;
    event.preventDefault();
  });
}

const openTrial = (place) => () => { hideTip(); location.hash = `trial-${trialKey(place)}`; };
