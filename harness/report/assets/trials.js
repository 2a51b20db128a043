// The list of trials, what failed, and where the numbers come from.

const FIRST_TRIALS = 25;
const list = { words: "", outcome: "" };

function drawTrials() {
  const body = bodyOf("trials");
  body.replaceChildren();
  const outcomes = [...new Set(data.trials.map((trial) => trial.outcome))];
  const search = h("input", { type: "search", id: "search", value: list.words, placeholder: "beta-vae seed=1", autocomplete: "off", oninput: () => { list.words = search.value; draw(); } });
  const place = h("div", {});
  put(body, h("div", { class: "controls" }, h("label", { class: "field", for: "search" }, "Find", search),
    outcomes.length > 1 ? choice("Outcome", [["", "all"], ...outcomes.map((name) => [name, name === "pending" ? "not done" : name])], list.outcome, (value) => { list.outcome = value; draw(); }) : null), place);
  function draw() {
    const words = list.words.toLowerCase().split(/\s+/).filter(Boolean);
    const metrics = visibleMetrics();
    const found = visibleTrials().filter((trial) => (!list.outcome || data.trials[trial].outcome === list.outcome)
      && words.every((word) => `${trialTitle(trial)} ${data.trials[trial].id}`.toLowerCase().includes(word)));
    if (!found.length) return void place.replaceChildren(empty("No trial fits."));
    const lines = h("tbody", {});
    const more = growing(lines, found, FIRST_TRIALS, (trial) => h("tr", { class: data.trials[trial].outcome === "finished" ? null : "dim" },
      h("th", { scope: "row" }, trialLink(trial)), h("td", {}, outcomeBadge(data.trials[trial].outcome)),
      metrics.map((metric) => h("td", { class: "right" }, number(data.trials[trial].scores[metric]))), h("td", { class: "right" }, duration(data.details[trial].seconds))));
    place.replaceChildren(h("p", { class: "small muted" }, plural(found.length, "trial")),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Trials" }, h("table", { class: "wide" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "trial"), h("th", { scope: "col" }, "outcome"),
        metrics.map((metric) => h("th", { scope: "col", class: "right" }, data.metrics[metric].label)), h("th", { scope: "col", class: "right" }, "trained for"))), lines)), more);
  }
  draw();
}
redraws.push(drawTrials);

function drawFailures() {
  const body = bodyOf("failures");
  const failed = [...data.trials.keys()].filter((place) => data.trials[place].failures.length);
  const pending = data.trials.filter((trial) => trial.outcome === "pending").length;
  if (pending) put(body, h("p", { class: "lead" }, `${plural(pending, "trial")} not done yet; `, h("code", {}, "harness run"), " with the same suite continues."));
  if (!failed.length) return void put(body, empty("Nothing failed."));
  put(body, h("p", { class: "lead" }, `${plural(failed.length, "trial")} of ${data.trials.length.toLocaleString("en")}: without a trained model, or without one of the scores. `,
    h("code", {}, "harness run --retry-failed"), " tries again."));
  const entries = h("div", {});
  const more = growing(entries, failed, 20, (place) => h("div", { class: "failure" }, h("p", {}, trialLink(place), " ", outcomeBadge(data.trials[place].outcome)),
    data.trials[place].failures.map((reason) => h("p", { class: "small" }, reason))));
  put(body, entries, more);
}

function settingsList(values, emphasised = []) {
  return h("dl", { class: "settings" }, Object.entries(values).map(([name, value]) =>
    h("div", { class: emphasised.includes(name) ? "swept" : null }, h("dt", {}, name), h("dd", {}, text(value)))));
}

function drawProvenance() {
  const body = bodyOf("provenance");
  for (const [place, study] of data.studies.entries()) {
    const own = data.settings.filter((setting) => setting.study === place);
    const dataset = own[0];
    put(body, h("h3", {}, study.title), settingsList({ suite: study.name, "results folder": study.folder, "evaluation seed": study.evaluation_seed,
      dataset: dataset ? data.datasets[dataset.dataset] : MISSING, "training time, all trials": duration(study.seconds) }),
      dataset && Object.keys(dataset.dataset_settings).length ? h("details", {}, h("summary", {}, "Settings of the dataset"), settingsList(dataset.dataset_settings)) : "");
  }
  put(body, h("details", {}, h("summary", {}, "Settings of the metrics"), data.metrics.map((metric) => [h("h3", {}, metric.label), Object.keys(metric.settings).length ? settingsList(metric.settings) : h("p", { class: "small muted" }, "No settings.")])));
  if (!data.provenances.length) return void put(body, empty("No trial has ended yet, so there is nothing to trace."));
  put(body, h("h3", {}, "Machines and versions"));
  const entries = h("div", {});
  const users = data.provenances.map(() => 0);
  data.details.forEach(({ provenance }) => { if (provenance !== null) users[provenance] += 1; });
  put(body, entries, growing(entries, [...data.provenances.keys()], 3, (place) => h("div", {}, h("p", { class: "small muted" }, plural(users[place], "trial")), settingsList(data.provenances[place]))));
}
