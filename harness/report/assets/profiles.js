// Performance profiles: which share of a setting's runs is at least as good as each score.

const MOST_PROFILES = 28;

// Runs of a setting by a metric: their scores, and how many there are with those that failed.
function runsOf(place, metric) {
  const trials = trialsOfSetting[place].filter((trial) => data.trials[trial].outcome !== "pending");
  const scores = trials.map((trial) => data.trials[trial].scores[metric]).filter((score) => score !== null);
  const failed = trials.filter((trial) => data.trials[trial].scores[metric] === null && !(data.details[trial].missing[metric] ?? "").startsWith("not applicable"));
  return { scores: scores.sort((a, b) => a - b), count: scores.length + failed.length };
}

// The share of runs at least as good as each score, in steps from one end of all scores to the other.
function profile({ scores, count }, low, high, higher) {
  const at = (score) => scores.filter((own) => (higher ? own >= score : own <= score)).length / count;
  const [xs, ys] = [[low], [at(low)]];
  for (const score of [...new Set(scores)]) {
    const beyond = scores.filter((own) => (higher ? own > score : own < score)).length / count;
    xs.push(score, score);
    ys.push(...(higher ? [at(score), beyond] : [beyond, at(score)]));
  }
  return { xs: [...xs, high], ys: [...ys, at(high)] };
}

function profileFigures() {
  const settings = visibleSettings();
  const metrics = visibleMetrics().filter((metric) => settings.filter((place) => runsOf(place, metric).scores.length > 1).length > 1);
  if (!metrics.length) return "";
  const places = settings.filter((place) => metrics.some((metric) => runsOf(place, metric).scores.length)).slice(0, MOST_PROFILES);
  const key = legend(places.map((place) => settingTitle(place)), lineMark);
  return [h("p", { class: "small muted" }, `Performance profiles: the share of a setting's runs, failed ones among them, that are at least as good as a score.${settings.length > places.length ? ` Of the first ${places.length} settings shown.` : ""}`), key,
    h("div", { class: "multiples" }, metrics.map((metric) => {
      const runs = places.map((place) => runsOf(place, metric));
      const all = runs.flatMap(({ scores }) => scores);
      const [low, high, higher] = [Math.min(...all), Math.max(...all), data.metrics[metric].higher !== false];
      const lines = places.map((place, series) => ({ place, series, words: settingTitle(place), open: null, ...profile(runs[series], low, high, higher) })).filter(({ series }) => runs[series].scores.length);
      return figure(metricTitle(metric), lineChart({ lines, xName: data.metrics[metric].label, yName: `share of runs`, y: linear,
        label: `Share of runs at least as good as each ${data.metrics[metric].label}, ${plural(lines.length, "setting")}.` }), { legend: key, within: false, title: `Profiles by ${data.metrics[metric].label}` });
    }))];
}

const settingTitle = (place) => data.settings[place].title + (data.datasets.length > 1 ? `, ${data.datasets[data.settings[place].dataset]}` : "");
