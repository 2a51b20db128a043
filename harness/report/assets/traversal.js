// Traversals: one picture holds every step of every code; a slider or Play moves them all together.

const FRAME = 110;

// `inactive` holds the names of codes that say nothing of the image.
function traversalPlayer(found, source, label, inactive = new Set()) {
  const { width, height, columns, codes } = found;
  const steps = Math.max(...codes.map((code) => code.values.length));
  const scale = Math.max(1, Math.round(56 / Math.min(width, height)));
  const rows = codes.map((code) => {
    const canvas = h("canvas", { width: columns * width, height, role: "img", "aria-label": `${label}: ${code.name}` });
    canvas.style.width = `${columns * width * scale}px`;
    const value = h("td", { class: "value" });
    return { code, canvas, value, line: h("tr", { class: inactive.has(code.name) ? "inactive" : null }, h("th", { scope: "row" }, inactive.has(code.name) ? `${code.name} (inactive)` : code.name), h("td", {}, tiles(canvas, columns, 1)), value) };
  });
  const slider = h("input", { type: "range", min: 0, max: steps - 1, value: 0, step: 1, "aria-label": "Value of the codes, from low to high", oninput: () => { stop(); draw(); } });
  const button = h("button", { type: "button", onclick: () => (timer ? stop() : play()) }, "Play");
  const picture = new Image();
  let [timer, forwards] = [null, true];

  function draw() {
    const step = Number(slider.value);
    let first = 0;
    for (const { code, canvas, value } of rows) {
      const own = Math.floor((step * code.values.length) / steps);
      canvas.getContext("2d").drawImage(picture, 0, (first + own) * height, columns * width, height, 0, 0, columns * width, height);
      value.textContent = code.values[own].replace("-", MINUS);
      canvas.dataset.step = own;
      first += code.values.length;
    }
  }
  function advance() {
    if (!button.isConnected) return stop();
    const step = Number(slider.value);
    if (step === steps - 1) forwards = false;
    if (step === 0) forwards = true;
    slider.value = step + (forwards ? 1 : -1);
    draw();
  }
  function play() {
    timer = setInterval(advance, FRAME);
    button.textContent = "Pause";
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }
  picture.addEventListener("load", draw);
  picture.src = source;
  return h("div", { class: "traversal" }, h("div", { class: "player" }, button, slider),
    scrolling(`Traversals of ${label}`, h("table", { class: "walks" }, h("tbody", {}, rows.map(({ line }) => line)))));
}
