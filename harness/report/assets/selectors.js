// Selectors: how far the model chosen without labels is from the one that labels would have chosen.

const pools = [...new Set(data.selections.map((row) => `${row.study} ${row.pool}`))];
let pool = askedOf("pool", pools) ?? pools[0];

function drawSelectors() {
  const body = bodyOf("selectors");
  body.replaceChildren();
  const notes = data.studies.flatMap((study) => study.selector_notes.map((note) => (data.studies.length > 1 ? `${study.title}: ${note}` : note)));
  const rows = data.selections.filter((row) => `${row.study} ${row.pool}` === pool && shown.metrics.has(row.metric));
  if (!data.selections.length) {
    const named = data.studies.some((study) => study.selectors.length);
    put(body, empty(named ? "The suite names selectors, but none has chosen yet: that is the last step of " : "The suite names no selectors. Add some under ",
      h("code", {}, named ? "harness run" : "evaluation.selectors"), named ? ", and needs two trained models." : " to learn which would have found the best model without labels."));
  } else {
    put(body, h("p", { class: "lead" }, "A selector picks one trial of a pool without seeing labels. The regret is the distance from the pool's best score to that of its choice; the dotted line is the pool's mean, what a random choice gives. The pale bar is the 95 % interval of the chosen score over resampled pools."));
    if (pools.length > 1) {
      const label = (key) => { const [study, name] = [key.slice(0, key.indexOf(" ")), key.slice(key.indexOf(" ") + 1)];
        return (data.studies.length > 1 ? `${data.studies[study].title}: ` : "") + (name === "all" ? "all trials" : name); };
      put(body, h("div", { class: "controls" }, choice("Pool", pools.map((key) => [key, label(key)]), pool, (value) => { pool = value; remember("pool", value); drawSelectors(); })));
    }
    if (!rows.length) put(body, empty("No selector was judged by the metrics shown."));
    const metrics = [...new Set(rows.map((row) => row.metric))];
    put(body, h("div", { class: "multiples" }, metrics.map((metric) => choiceChart(rows.filter((row) => row.metric === metric)))), rows.length ? selectorTable(rows) : "");
    const differences = data.differences.filter((row) => `${row.study} ${row.pool}` === pool && shown.metrics.has(row.metric));
    if (differences.length) put(body, differenceTable(differences));
  }
  if (notes.length) put(body, h("ul", { class: "small muted" }, notes.map((note) => h("li", {}, note))));
}

// One metric: where the chosen trial of each selector lies between the pool's mean and its best.
function choiceChart(rows) {
  const [width, line, left, top] = [340, 26, 118, 22];
  const height = top + line * rows.length + 24;
  const { mean, best, metric } = rows[0];
  const bounds = rows.flatMap((row) => [row.score_low, row.score_high]);
  const x = linear([mean, best, ...rows.map((row) => row.score), ...bounds], left, width - 34, 4);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const rule = (value, label, anchor) => svg.append(
    s("path", { d: `M${x.place(value)} ${top - 4}V${height - 22}`, stroke: "var(--muted)", "stroke-dasharray": label === "mean" ? "2 3" : "" }),
    s("text", { x: x.place(value), y: 11, "text-anchor": anchor }, label));
  const better = x.place(best) >= x.place(mean);
  rule(mean, "mean", better ? "end" : "start");
  rule(best, "best", better ? "start" : "end");
  for (const [value, label] of x.ticks) svg.append(s("text", { x: x.place(value), y: height - 6, "text-anchor": "middle" }, label));
  const points = rows.map((row, i) => {
    const y = top + line * (i + 0.5);
    put(svg, s("text", { class: "title", x: left - 10, y: y + 4, "text-anchor": "end" }, shortened(row.selector)),
      typeof row.score_low === "number" ? s("path", { d: `M${x.place(row.score_low)} ${y}H${x.place(row.score_high)}`, stroke: colour(0), "stroke-width": 9, "stroke-opacity": 0.18 }) : "",
      s("path", { d: `M${x.place(row.score)} ${y}H${x.place(best)}`, stroke: colour(0), "stroke-width": 2, "stroke-opacity": 0.5 }),
      s("path", { d: shape(0, x.place(row.score), y, 5), fill: colour(0) }));
    return { x: x.place(row.score), y, open: row.trial === null ? null : openTrial(row.trial),
      words: () => `${row.selector} chose ${row.chosen}\nscore ${number(row.score)}, regret ${number(row.regret)}` };
  });
  const plot = h("div", { class: "plot", role: "group", "aria-roledescription": "chart",
    "aria-label": `Scores by ${data.metrics[metric].label} of the trials chosen. Arrow keys move from selector to selector.` }, svg);
  explorable(plot, svg, [points]);
  return figure(metricTitle(metric), plot, { title: `Choices by ${data.metrics[metric].label}` });
}

const shortened = (name) => (name.length > 17 ? `${name.slice(0, 16)}…` : name);

const withInterval = (row, name) => [h("span", { class: "number" }, number(row[name])),
  typeof row[`${name}_low`] === "number" ? h("span", { class: "spread" }, ` [${number(row[`${name}_low`])}, ${number(row[`${name}_high`])}]`) : ""];

function selectorTable(rows) {
  const head = ["selector", "metric", "chosen trial", "score", "regret [95 % interval]", "rank correlation", "beats, of the others"];
  const draw = (row) => h("tr", {}, h("th", { scope: "row" }, row.selector), h("td", {}, data.metrics[row.metric].label),
    h("td", {}, row.trial === null ? row.chosen : trialLink(row.trial, row.chosen)), h("td", { class: row.regret === 0 ? "best" : null }, h("span", { class: "number" }, number(row.score))),
    h("td", {}, withInterval(row, "regret")), h("td", {}, withInterval(row, "rank_correlation")),
    h("td", {}, typeof row.beats_random === "number" ? `${Math.round(100 * row.beats_random)} %` : MISSING));
  return h("details", { open: true }, h("summary", {}, "As a table, with intervals and rank correlations"),
    longTable({ label: "Selections", head: h("tr", {}, head.map((name) => h("th", { scope: "col" }, name))), items: rows, first: 60, draw }));
}

// The regret of one selector less that of another, on the same resampled pools.
function differenceTable(rows) {
  const head = ["selector", "less the regret of", "metric", "difference [95 % interval]", "smaller regret in"];
  const draw = (row) => h("tr", {}, h("th", { scope: "row" }, row.selector), h("td", {}, row.other), h("td", {}, data.metrics[row.metric].label),
    h("td", { class: row.high < 0 ? "best" : null }, h("span", { class: "number" }, number(row.difference)), h("span", { class: "spread" }, ` [${number(row.low)}, ${number(row.high)}]`)),
    h("td", {}, `${Math.round(100 * row.better)} %`));
  return h("details", {}, h("summary", {}, "Differences of regret over the same resampled pools: below 0 the first chooses better"),
    longTable({ label: "Differences of regret", head: h("tr", {}, head.map((name) => h("th", { scope: "col" }, name))), items: rows, first: 60, draw }));
}
redraws.push(drawSelectors);
