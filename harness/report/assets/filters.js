// What all sections show: datasets, models and metrics.

const shown = {
  datasets: new Set(data.datasets.keys()),
  models: new Set(models),
  metrics: new Set(data.metrics.keys()),
};
const redraws = [];
const redraw = () => redraws.forEach((draw) => draw());

const visibleSetting = (setting) => shown.datasets.has(setting.dataset) && shown.models.has(setting.model);
const visibleSettings = () => [...data.settings.keys()].filter((place) => visibleSetting(data.settings[place]));
const visibleTrials = () => [...data.trials.keys()].filter((place) => visibleSetting(data.settings[data.trials[place].setting]));
const visibleMetrics = () => [...data.metrics.keys()].filter((metric) => shown.metrics.has(metric));

function menu(name, options, selected) {
  const title = h("summary", { class: "button" });
  const boxes = options.map(([value, label]) => {
    const box = h("input", { type: "checkbox", checked: true, onchange: () => {
      if (box.checked) selected.add(value); else selected.delete(value);
      changed();
    } });
    return { box, value, line: h("label", {}, box, label) };
  });
  const all = h("button", { type: "button", class: "all", onclick: () => {
    const every = selected.size < options.length;
    for (const { box, value } of boxes) { box.checked = every; if (every) selected.add(value); else selected.delete(value); }
    changed();
  } });
  function describe() {
    title.textContent = `${name}: ${selected.size === options.length ? "all" : `${selected.size} of ${options.length}`}`;
    all.textContent = selected.size < options.length ? "Select all" : "Select none";
  }
  function changed() { describe(); redraw(); }
  describe();
  const details = h("details", { class: "menu", onkeydown: (event) => {
    if (event.key === "Escape") { details.open = false; title.focus(); }
  } }, title, h("div", {}, all, boxes.map(({ line }) => line)));
  document.addEventListener("pointerdown", (event) => { if (!details.contains(event.target)) details.open = false; });
  return details;
}

function drawFilters() {
  const menus = [
    ["Dataset", data.datasets.map((name, i) => [i, name]), shown.datasets],
    ["Model", models.map((name) => [name, name]), shown.models],
    ["Metric", data.metrics.map((metric, i) => [i, metric.label]), shown.metrics],
  ];
  put(byId("filters"), h("span", { class: "muted" }, "Show"), menus.map((parts) => menu(...parts)));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
}
