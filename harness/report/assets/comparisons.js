// Settings against each other: differences from a baseline, and mean ranks over all metrics.

function drawComparisons() {
  const body = bodyOf("comparisons");
  body.replaceChildren();
  const rankings = data.rankings.map((ranking) => ({ ...ranking, settings: ranking.settings.filter(([, model]) => shown.models.has(model)) }))
    .filter((ranking) => ranking.settings.length > 1);
  const rows = data.comparisons.filter((row) => shown.metrics.has(row.metric));
  put(body, rankings.map(rankFigure), profileFigures(), rows.length ? comparisonTable(rows) : "");
  if (!data.comparisons.length) put(body, h("p", { class: "small muted" }, "Differences from a baseline, paired by seed, stand here after ", h("code", {}, "harness compare"), " and ", h("code", {}, "harness report"), "."));
}

// Mean ranks from the best on; bars join those that are no further apart than the critical difference.
function rankFigure({ title, tasks, p, critical, settings, alike }) {
  const width = plotWidth(620);
  const bars = critical === null ? [] : alike.filter(([first, last]) => settings.some(([, , rank]) => rank >= first && rank <= last));
  const [line, left, top, gap] = [22, Math.min(230, width * 0.42), 34, 9];
  const right = width - 14 - gap * bars.length;
  const height = top + line * settings.length + 6;
  const x = linear([1, ...settings.map(([, , rank]) => rank), critical === null ? 1 : 1 + critical], left + 8, right, 5);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const [value, label] of x.ticks) {
    put(svg, s("path", { class: "axis", d: `M${x.place(value)} ${top - 4}V${height - 6}` }), s("text", { x: x.place(value), y: top - 10, "text-anchor": "middle" }, label));
  }
  if (critical !== null) {
    const [from, to] = [x.place(1), x.place(1 + critical)];
    put(svg, s("path", { d: `M${from} 3v6M${from} 6H${to}M${to} 3v6`, stroke: "var(--ink)", fill: "none" }));
  }
  const letters = Math.floor((left - 10) / 6.4);
  const points = settings.map(([name, , rank, failed], i) => {
    const y = top + line * (i + 0.5);
    put(svg, s("text", { class: "title", x: left - 6, y: y + 4, "text-anchor": "end" }, name.length > letters ? `${name.slice(0, letters - 1)}…` : name),
      s("path", { d: shape(0, x.place(rank), y, 4.5), fill: colour(0) }));
    return { x: x.place(rank), y, open: null, words: () => `${name}\nmean rank ${number(rank)}${failed ? `\n${plural(failed, "score")} failed` : ""}` };
  });
  bars.forEach(([first, last], i) => {
    const within = points.filter((_, place) => settings[place][2] >= first - 1e-9 && settings[place][2] <= last + 1e-9);
    put(svg, s("path", { class: "alike", d: `M${right + gap * (i + 1)} ${within[0].y - 6}V${within.at(-1).y + 6}`, stroke: "var(--ink)", "stroke-width": 3.5, fill: "none" }));
  });
  const plot = h("div", { class: "plot", role: "group", "aria-roledescription": "chart",
    "aria-label": `Mean ranks of ${plural(settings.length, "setting")} over ${plural(tasks, "task")}. Arrow keys move from setting to setting.` }, svg);
  explorable(plot, svg, [points]);
  const test = critical === null ? "; too few settings to test" : `. Settings that a bar joins are no further apart than the critical difference of ${number(critical)}, the ruler above (Nemenyi, 5 %; Friedman p ${number(p)}), which flatters where tasks are metrics of one dataset`;
  return figure(`Mean ranks over ${tasks} metrics and datasets${title && data.studies.length > 1 ? ` of ${title}` : ""}, 1 is the best, among all settings with a score in each${test}.`, plot, { title: "Mean ranks" });
}

// Each setting against the baseline that `harness compare` was told, by every metric.
function comparisonTable(rows) {
  const several = new Set(rows.map((row) => row.dataset)).size > 1;
  const head = ["setting", several ? "dataset" : null, "metric", "difference [95 % interval]", "p (Holm)", "in words"].filter(Boolean);
  const draw = (row) => h("tr", {}, h("th", { scope: "row" }, row.setting), several ? h("td", {}, row.dataset) : null, h("td", {}, data.metrics[row.metric].label),
    h("td", {}, h("span", { class: "number" }, number(row.difference)), row.low === null ? "" : h("span", { class: "spread" }, ` [${number(row.low)}, ${number(row.high)}]`)),
    h("td", {}, row.p_holm === null ? MISSING : number(row.p_holm)), h("td", {}, row.sentence));
  return [...new Set(rows.map((row) => row.baseline))].map((baseline) => h("details", { open: true }, h("summary", {}, `Differences from ${baseline}, paired by seed where seeds are shared`),
    longTable({ label: `Differences from ${baseline}`, head: h("tr", {}, head.map((name) => h("th", { scope: "col" }, name))), items: rows.filter((row) => row.baseline === baseline), first: 40, draw })));
}
redraws.push(drawComparisons);
