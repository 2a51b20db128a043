// The list of trials, and what failed.

const FIRST_TRIALS = 25;
const OUTCOMES = [...new Set(data.trials.map((trial) => trial.outcome))];
const list = { words: asked("find")[0] ?? "", outcome: askedOf("outcome", OUTCOMES) ?? "" };

function drawTrials() {
  const body = bodyOf("trials");
  body.replaceChildren();
  const search = h("input", { type: "search", id: "search", value: list.words, placeholder: "beta-vae seed=1", autocomplete: "off", oninput: () => {
    list.words = search.value;
    remember("find", ...(list.words ? [list.words] : []));
    draw();
  } });
  const place = h("div", {});
  put(body, h("div", { class: "controls" }, h("label", { class: "field", for: "search" }, "Find", search),
    OUTCOMES.length > 1 ? choice("Outcome", [["", "all"], ...OUTCOMES.map((name) => [name, name === "pending" ? "not done" : name])], list.outcome, (value) => {
      list.outcome = value;
      remember("outcome", ...(value ? [value] : []));
      draw();
    }) : null), place);
  function draw() {
    const words = list.words.toLowerCase().split(/\s+/).filter(Boolean);
    const metrics = visibleMetrics();
    const found = visibleTrials().filter((trial) => (!list.outcome || data.trials[trial].outcome === list.outcome)
      && words.every((word) => `${trialTitle(trial)} ${data.trials[trial].id}`.toLowerCase().includes(word)));
    if (!found.length) return void place.replaceChildren(empty("No trial fits."));
    const line = (trial) => h("tr", { class: data.trials[trial].outcome === "finished" ? null : "dim" },
      h("th", { scope: "row" }, trialLink(trial)), h("td", {}, outcomeBadge(data.trials[trial].outcome)),
      metrics.map((metric) => h("td", { class: "right" }, number(data.trials[trial].scores[metric]))), h("td", { class: "right" }, duration(data.details[trial].seconds)));
    const head = h("tr", {}, h("th", { scope: "col" }, "trial"), h("th", { scope: "col" }, "outcome"),
      metrics.map((metric) => h("th", { scope: "col", class: "right" }, data.metrics[metric].label)), h("th", { scope: "col", class: "right" }, "trained for"));
    place.replaceChildren(h("p", { class: "small muted" }, plural(found.length, "trial")), ...longTable({ label: "Trials", head, items: found, first: FIRST_TRIALS, draw: line }));
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
  const more = growing(entries, failed, 20, (place) => h("div", { class: "failure" }, h("p", {}, trialLink(place)),
    data.trials[place].failures.map((reason) => h("p", { class: "small" }, reason))));
  put(body, entries, more);
}
