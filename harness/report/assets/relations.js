// Metric against metric, and score against hyperparameter.

const pair = { x: askedMetric("x"), y: askedMetric("y") };

const scored = (trials, metric) => trials.filter((place) => data.trials[place].scores[metric] !== null);

function drawMetrics() {
  const body = bodyOf("metrics");
  body.replaceChildren();
  const trials = visibleTrials();
  const metrics = visibleMetrics().filter((metric) => scored(trials, metric).length > 1);
  if (metrics.length < 2) return void put(body, empty("Two metrics with scores of two trials each are needed to compare them."));
  if (!metrics.includes(pair.x)) pair.x = metrics.find((metric) => metric !== pair.y);
  if (!metrics.includes(pair.y) || pair.y === pair.x) pair.y = metrics.find((metric) => metric !== pair.x);
  const options = metrics.map((metric) => [metric, metricTitle(metric)]);
  const set = (side) => (value) => comparePair({ ...pair, [side]: Number(value) });
  const pairs = (x, y) => scored(scored(trials, x), y).map((place) => [cost(x, data.trials[place].scores[x]), cost(y, data.trials[place].scores[y])]);
  const rho = rankCorrelation(pairs(pair.x, pair.y));
  const points = scored(scored(trials, pair.x), pair.y).map((place) => ({
    x: data.trials[place].scores[pair.x], y: data.trials[place].scores[pair.y], series: models.indexOf(modelOf(place)), open: openTrial(place),
    words: () => `${trialTitle(place)}\n${data.metrics[pair.x].label} ${number(data.trials[place].scores[pair.x])}, ${data.metrics[pair.y].label} ${number(data.trials[place].scores[pair.y])}`,
  }));
  put(body,
    h("p", { class: "lead" }, "Each mark is a trial. A rank correlation of 1 means that two metrics put the trials in the same order, from worst to best; 0 that the order of one says nothing about the other's."),
    h("div", { class: "pair" },
      h("div", {},
        h("div", { class: "controls" }, choice("Across", options, pair.x, set("x")), choice("Up", options, pair.y, set("y"))),
        points.length ? figure(`${plural(points.length, "trial")}, rank correlation ${rho === null ? "not defined" : rho.toFixed(2).replace("-", MINUS)}`,
          scatter({ points, xName: data.metrics[pair.x].label, yName: data.metrics[pair.y].label,
            label: `${plural(points.length, "trial")}: ${data.metrics[pair.x].label} across, ${data.metrics[pair.y].label} up.` }),
          { legend: seriesLegend(points, models), title: `${data.metrics[pair.y].label} against ${data.metrics[pair.x].label}` })
          : empty("No trial has a score of both.")),
      figure("Rank correlation of every two metrics over these trials. Choose a cell to see its marks.", correlations(metrics, pairs), { title: "Rank correlations of metrics" })));
}

function comparePair(chosen) {
  Object.assign(pair, chosen);
  drawMetrics();
  remember("x", data.metrics[pair.x].label);
  remember("y", data.metrics[pair.y].label);
}

function seriesLegend(points, names) {
  const present = [...new Set(points.map((point) => point.series))].sort((a, b) => a - b);
  return legend(present.map((series) => names[series]), (i) => pointMark(present[i]));
}

function correlations(metrics, pairs) {
  const found = new Map();
  const correlation = (x, y) => {
    const key = x < y ? `${x} ${y}` : `${y} ${x}`;
    if (!found.has(key)) found.set(key, rankCorrelation(pairs(x, y)));
    return found.get(key);
  };
  const head = h("tr", {}, h("td", {}), metrics.map((metric) => h("th", { scope: "col" }, data.metrics[metric].label)));
  const rows = metrics.map((y) => h("tr", {}, h("th", { scope: "row" }, data.metrics[y].label), metrics.map((x) => {
    if (x === y) return h("td", {}, "");
    const rho = correlation(x, y);
    const words = rho === null ? MISSING : rho.toFixed(2).replace("-", MINUS);
    const cell = h("td", {}, h("button", { type: "button", "aria-label": `${data.metrics[x].label} and ${data.metrics[y].label}: ${words}`,
      onclick: () => { comparePair({ x, y }); bodyOf("metrics").querySelector("select").focus(); } }, words));
    if (rho !== null) tint(cell, rho);
    return cell;
  })));
  return coloured("Rank correlations", head, rows);
}
redraws.push(drawMetrics);

const against = { metric: askedMetric("score"), name: asked("setting")[0] ?? null };

// Hyperparameters that take several values within one model.
function varyingHyperparameters(settings) {
  const seen = new Map();
  for (const place of settings) {
    const { model, hyperparameters, training } = data.settings[place];
    for (const [name, value] of Object.entries({ ...hyperparameters, ...training })) {
      const values = seen.get(name) || seen.set(name, new Map()).get(name);
      (values.get(model) || values.set(model, new Set()).get(model)).add(text(value));
    }
  }
  return [...seen].filter(([, values]) => [...values.values()].some((found) => found.size > 1)).map(([name]) => name);
}

function drawHyperparameters() {
  const body = bodyOf("hyperparameters");
  body.replaceChildren();
  const settings = visibleSettings();
  const names = varyingHyperparameters(settings);
  const metrics = visibleMetrics();
  if (!metrics.length) return void put(body, empty("There are no scores to show."));
  if (!names.length) return void put(body, empty("No hyperparameter takes several values within one model. A suite varies them with ", h("code", {}, "sweep.NAME = [..]"), "."));
  if (!names.includes(against.name)) against.name = names[0];
  if (!metrics.includes(against.metric)) against.metric = metrics[0];
  const valueOf = (place) => {
    const setting = data.settings[data.trials[place].setting];
    return { ...setting.hyperparameters, ...setting.training }[against.name];
  };
  const varied = new Set(models.filter((model) => varyingHyperparameters(settings.filter((place) => data.settings[place].model === model)).includes(against.name)));
  const trials = scored(visibleTrials(), against.metric).filter((place) => varied.has(modelOf(place)));
  const numeric = trials.every((place) => typeof valueOf(place) === "number");
  const key = (place) => (numeric ? valueOf(place) : text(valueOf(place)));
  // Along the training each setting has a line of its own.
  const own = (setting) => (against.name === "steps" ? setting.title.replace(/ training\.steps=\d+/, "") : setting.model);
  const lines = against.name === "steps" ? [...new Set(trials.map((place) => own(data.settings[data.trials[place].setting])))] : models;
  const seriesOf = (place) => lines.indexOf(own(data.settings[data.trials[place].setting]));
  const points = trials.map((place) => ({ x: key(place), y: data.trials[place].scores[against.metric], series: seriesOf(place), open: openTrial(place),
    words: () => `${trialTitle(place)}\n${against.name} ${text(valueOf(place))}, ${data.metrics[against.metric].label} ${number(data.trials[place].scores[against.metric])}` }));
  const values = [...new Set(points.map((point) => point.x))].sort((a, b) => (numeric ? a - b : 0));
  // The interval of the mean over seeds, where one setting of a series has this value.
  const intervalAt = (series, value) => {
    const places = settings.filter((place) => own(data.settings[place]) === lines[series]
      && trialsOfSetting[place].some((trial) => key(trial) === value));
    const row = places.length === 1 ? boardOfSetting[places[0]][against.metric] : null;
    return row && row.low !== null ? [[value, row.low, row.high]] : [];
  };
  const joins = [...new Set(points.map((point) => point.series))].map((series) => {
    const marks = points.filter((point) => point.series === series);
    const means = values.map((value) => [value, marks.filter((point) => point.x === value).map((point) => point.y)]).filter(([, ys]) => ys.length)
      .map(([value, ys]) => [value, ys.reduce((sum, y) => sum + y, 0) / ys.length]);
    return { series, points: means, bars: means.flatMap(([value]) => intervalAt(series, value)) };
  });
  put(body,
    h("p", { class: "lead" }, "Each mark is a trial of a model that varies this setting; lines join the means over everything else, and pale bars are 95 % intervals of means over seeds."),
    h("div", { class: "controls" },
      choice("Setting", names.map((name) => [name, name]), against.name, (value) => showAgainst({ name: value })),
      choice("Score", metrics.map((metric) => [metric, metricTitle(metric)]), against.metric, (value) => showAgainst({ metric: Number(value) }))),
    points.length ? figure(`${data.metrics[against.metric].label} against ${against.name}`, scatter({ points, joins, xName: against.name, yName: data.metrics[against.metric].label, most: 750,
      label: `${plural(points.length, "trial")}: ${against.name} across, ${data.metrics[against.metric].label} up.`,
      x: numeric ? automatic : (_, from, to) => categorical(values, from, to) }), { legend: seriesLegend(points, lines) })
      : empty("No trial that varies it has a score."));
}

function showAgainst(chosen) {
  Object.assign(against, chosen);
  drawHyperparameters();
  remember("setting", against.name);
  remember("score", data.metrics[against.metric].label);
}
redraws.push(drawHyperparameters);
