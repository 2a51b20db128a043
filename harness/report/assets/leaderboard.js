// The leaderboard: a row for each setting, a column for each metric.

const FIRST_ROWS = 40;
const order = { column: askedMetric("sort") ?? askedOf("sort", ["model", "dataset"]), reversed: false };
if (order.column !== null) order.reversed = askedOf("order", ["ascending", "descending"]) === (naturallyAscending(order.column) ? "descending" : "ascending");

function drawLeaderboard() {
  const body = bodyOf("leaderboard");
  const [settings, metrics] = [visibleSettings(), visibleMetrics()];
  body.replaceChildren();
  if (!data.metrics.length) return void put(body, empty("The suite names no metrics, so there is nothing to rank. Samples and losses are on the pages of the trials."));
  if (!settings.length || !metrics.length) return void put(body, empty("Nothing fits the filters above."));
  const severalDatasets = data.datasets.length > 1;
  const better = data.metrics.some((metric) => metric.higher === false) ? "" : "; higher is better";
  const caption = `Mean ± standard deviation over seeds, and the 95 % interval of the mean on the scale of its column${better}. ★ the best of its dataset and what cannot be told from it at the 5 % level (t tests paired by seed, Holm); ‹ and › an interval that goes on beyond its cell.`;
  const scales = new Map(metrics.map((metric) => [metric, columnScale(settings, metric)]));
  const head = h("tr", {}, sortable("model", "model"), severalDatasets ? sortable("dataset", "dataset") : null,
    metrics.map((metric) => sortable(metric, metricTitle(metric))));
  put(body, h("p", { class: "lead" }, caption), versionNote(),
    longTable({ label: "Leaderboard", kind: "board", head, items: sorted(settings), first: FIRST_ROWS, draw: (place) => boardRow(place, metrics, scales, severalDatasets) }));
}

function sortable(column, label) {
  const current = order.column === column;
  const direction = current ? (naturallyAscending(column) !== order.reversed ? "ascending" : "descending") : null;
  const metric = typeof column === "number";
  return h("th", { scope: "col", "aria-sort": direction, "data-copy": metric ? `${label}\t${label}, std` : null }, h("button", { type: "button", "data-column": column, onclick: () => {
    order.reversed = current && !order.reversed;
    order.column = column;
    remember("sort", metric ? data.metrics[column].label : column);
    remember("order", naturallyAscending(column) !== order.reversed ? "ascending" : "descending");
    drawLeaderboard();
    bodyOf("leaderboard").querySelector(`[data-column="${column}"]`)?.focus();
  } }, label));
}

// The first click on a metric puts the best on top.
function naturallyAscending(column) {
  return typeof column !== "number" || data.metrics[column].higher === false;
}

function sorted(settings) {
  if (order.column === null) return settings;
  const value = (place) => {
    const setting = data.settings[place];
    if (order.column === "model") return setting.title;
    if (order.column === "dataset") return data.datasets[setting.dataset];
    return boardOfSetting[place][order.column]?.mean ?? null;
  };
  const sign = naturallyAscending(order.column) !== order.reversed ? 1 : -1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  return [...settings].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    // What has no score stays at the end either way.
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * compare(x, y);
  });
}

// The means decide the scale, in percent of a cell: the intervals of two or three seeds are often much wider.
function columnScale(settings, metric) {
  const [low, high] = extent(settings.map((place) => boardOfSetting[place][metric]?.mean ?? null), 0.3);
  return (value) => (100 * (value - low)) / (high - low);
}

function boardRow(place, metrics, scales, severalDatasets) {
  const setting = data.settings[place];
  return h("tr", {},
    h("th", { scope: "row", "data-copy": setting.title }, h("span", { class: "name" }, setting.model), setting.title.slice(setting.model.length), versionBadge(place), seedLinks(place)),
    severalDatasets ? h("td", {}, data.datasets[setting.dataset]) : null,
    metrics.map((metric) => boardCell(place, metric, scales.get(metric))));
}

const SEEDS_SHOWN = 12;

function seedLinks(place) {
  const places = trialsOfSetting[place];
  const rest = places.length - SEEDS_SHOWN;
  return h("div", { class: "seeds" }, places.length === 1 ? "seed " : "seeds ",
    places.slice(0, SEEDS_SHOWN).map((trial) => {
      const link = trialLink(trial, String(data.trials[trial].seed));
      link.setAttribute("aria-label", trialTitle(trial));
      return link;
    }), rest > 0 ? `and ${rest} more` : "");
}

function boardCell(place, metric, scale) {
  const row = boardOfSetting[place][metric];
  if (!row) return h("td", { class: "none" }, MISSING);
  if (row.mean === null) {
    const words = { "not-applicable": "does not apply", missing: "not done", failed: "failed" }[row.status] || row.status;
    return h("td", { class: "none", title: row.reason }, words);
  }
  const best = isBest(place, metric);
  const interval = row.low === null ? "" : `, 95 % interval ${number(row.low)} to ${number(row.high)}`;
  const std = row.std === null ? null : row.std > 0 && row.std < 5e-4 ? "0.000" : number(row.std);
  return h("td", { class: best ? "best" : null, title: `n = ${row.n}${interval}${row.reason ? `\n${row.reason}` : ""}`, "data-copy": `${number(row.mean)}\t${std ?? ""}` },
    h("span", { class: "whole" }, h("span", { class: "number" }, number(row.mean)), best ? h("span", { class: "star", role: "img", "aria-label": "best" }, "★") : null),
    std === null ? null : [" ", h("span", { class: "spread" }, `± ${std}`)],
    intervalBar(row, scale),
    row.without ? h("span", { class: "spread" }, `n = ${row.n} of ${row.n + row.without}`) : null);
}

// A line from end to end of the interval; where it leaves the cell, a head that points on.
function intervalBar(row, scale) {
  const within = (value) => Math.max(0, Math.min(100, scale(value)));
  const bar = s("svg", { class: "interval", "aria-hidden": "true" }, s("line", { x1: 0, x2: "100%", y1: 6, y2: 6, stroke: "var(--rule)" }));
  if (row.low !== null) {
    put(bar, s("line", { x1: `${within(row.low)}%`, x2: `${within(row.high)}%`, y1: 6, y2: 6, stroke: "currentColor", "stroke-width": 5, "stroke-opacity": 0.28 }));
    for (const [beyond, x, d] of [[scale(row.low) < 0, "0%", "M7 1L1 6L7 11"], [scale(row.high) > 100, "100%", "M-7 1L-1 6L-7 11"]]) {
      if (beyond) put(bar, s("svg", { x, class: "beyond" }, s("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 1.6 })));
    }
  }
  const at = `${within(row.mean)}%`;
  return put(bar, s("line", { x1: at, x2: at, y1: 1, y2: 11, stroke: "currentColor", "stroke-width": 2 }));
}
redraws.push(drawLeaderboard);
