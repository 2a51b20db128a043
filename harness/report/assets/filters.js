// What all sections show: datasets, models and metrics.

// What the address asks for of each kind, or everything.
const chosen = (name, options) => new Set(options.filter(([, label]) => !asked(name).length || asked(name).includes(label)).map(([value]) => value));
const OPTIONS = {
  dataset: data.datasets.map((name, i) => [i, name]),
  model: models.map((name) => [name, name]),
  metric: data.metrics.map((metric, i) => [i, metric.label]),
};
const shown = {
  datasets: chosen("dataset", OPTIONS.dataset),
  models: chosen("model", OPTIONS.model),
  metrics: chosen("metric", OPTIONS.metric),
};
const redraws = [];
const redraw = () => redraws.forEach((draw) => draw());

const visibleSetting = (setting) => shown.datasets.has(setting.dataset) && shown.models.has(setting.model);
const visibleSettings = () => [...data.settings.keys()].filter((place) => visibleSetting(data.settings[place]));
const visibleTrials = () => [...data.trials.keys()].filter((place) => visibleSetting(data.settings[data.trials[place].setting]));
const visibleMetrics = () => [...data.metrics.keys()].filter((metric) => shown.metrics.has(metric));

function menu(name, selected) {
  const options = OPTIONS[name.toLowerCase()];
  const title = h("summary", { class: "button" });
  const boxes = options.map(([value, label]) => {
    const box = h("input", { type: "checkbox", checked: selected.has(value), onchange: () => {
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
  function changed() {
    describe();
    const all = selected.size === options.length;
    // None at all is remembered as one that there is not.
    remember(name.toLowerCase(), ...(all ? [] : selected.size ? options.filter(([value]) => selected.has(value)).map(([, label]) => label) : [""]));
    redraw();
  }
  describe();
  return dropDown(title, all, boxes.map(({ line }) => line));
}

function drawFilters() {
  put(byId("filters"), h("span", { class: "muted" }, "Show"), menu("Dataset", shown.datasets), menu("Model", shown.models), menu("Metric", shown.metrics), resetButton());
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
}
