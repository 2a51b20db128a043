// The page of one trial.

const sources = JSON.parse(byId("sources").textContent);

function drawTrial(place) {
  const trial = data.trials[place];
  const setting = data.settings[trial.setting];
  const details = data.details[place];
  const study = data.studies[setting.study];
  const view = byId("trial");
  const title = h("h1", { tabindex: -1 }, trialTitle(place));
  const siblings = trialsOfSetting[trial.setting].filter((other) => other !== place);
  view.replaceChildren();
  put(view,
    h("nav", { class: "crumbs", "aria-label": "Trials" }, h("a", { href: "#leaderboard" }, "← All results"),
      h("span", {}, place > 0 ? h("a", { href: `#trial-${trialKey(place - 1)}`, rel: "prev" }, "previous trial") : "",
        place < data.trials.length - 1 ? h("a", { href: `#trial-${trialKey(place + 1)}`, rel: "next" }, "next trial") : "")),
    h("p", { class: "kicker" }, study.title), title,
    h("dl", { class: "facts" }, Object.entries({ outcome: outcomeBadge(trial.outcome), dataset: data.datasets[setting.dataset], steps: setting.training.steps?.toLocaleString("en") ?? MISSING,
      "trained for": duration(details.seconds), finished: details.finished_at ? details.finished_at.replace("T", " ").replace("+00:00", " UTC") : MISSING,
      identity: h("span", { class: "mono" }, trial.id) }).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    siblings.length ? h("p", { class: "small" }, "Other seeds: ", siblings.slice(0, 40).map((other) => [trialLink(other, String(data.trials[other].seed)), " "])) : "",
    trial.failures.map((reason) => h("div", { class: "failure" }, h("p", {}, reason))),
    details.traceback ? h("details", {}, h("summary", {}, "Traceback"), h("pre", {}, details.traceback)) : "",
    pictures(place), scores(place), losses(place), matrices(place),
    h("section", {}, h("h2", {}, "Hyperparameters"), Object.keys(setting.hyperparameters).length ? settingsList(setting.hyperparameters, Object.keys(setting.swept)) : empty("The model has none."),
      h("h3", {}, "Training"), settingsList({ ...setting.training, seed: trial.seed })),
    h("section", {}, h("h2", {}, "Provenance"), details.provenance === null ? empty(trial.outcome === "pending" ? "The trial has not ended yet." : "None was recorded.")
      : [unusual(place).length ? h("p", { class: "small" }, "Emphasised: where it is not like most other trials.") : "",
        settingsList({ model: setting.name, "version of its plugin": setting.version, ...data.provenances[details.provenance] }, unusual(place))]));
  document.title = `${trialTitle(place)} – ${pageTitle}`;
  return title;
}

function pictures(place) {
  const found = data.details[place].pictures;
  const title = trialTitle(place);
  if (!found) {
    if (data.trials[place].outcome !== "finished") return [];
    const drawn = trialsOfSetting[data.trials[place].setting].filter((other) => data.details[other].pictures);
    return [h("section", {}, h("h2", {}, "Pictures"), empty("None were drawn for this trial. ", drawn.length ? ["They were for ", trialLink(drawn[0]), ". "] : "",
      h("code", {}, "harness report --pictures all"), " draws those of every trial."))];
  }
  if (found.notes.all) return [h("section", {}, h("h2", {}, "Pictures"), empty(`None: ${found.notes.all}`))];
  const section = (name, kind, about, draw) => h("section", { class: kind }, h("h2", {}, name),
    found[kind] ? [h("p", { class: "lead" }, about(found[kind])), draw(found[kind])] : empty(`None: ${found.notes[kind]}`));
  const picture = (words) => ({ picture: number, columns, rows }) => tiles(enlarged(sources[number], `${words} of ${title}`), columns, rows);
  return [
    section("Samples", "samples", ({ count }) => `${count} samples from the prior, the same latents for every model of the same prior.`, picture("Samples")),
    section("Traversals", "traversal", ({ columns, codes }) => `Each row moves one code from low to high in ${columns} samples; ${codes.length === 1 ? "there is one code" : `${codes.length} codes are shown`}. All else stays as it is.`,
      (walk) => traversalPlayer(walk, sources[walk.picture], title, inactiveNames(place))),
    section("Reconstructions", "reconstructions", ({ held_out: heldOut }) => `Above, images ${heldOut ? "held out from training" : "of the dataset"}; below, what the model makes of them.`, picture("Images and reconstructions")),
  ];
}

// Small images are shown larger by a whole number, as long as the page is wide enough.
function enlarged(source, alt) {
  const image = h("img", { class: "picture", alt, loading: "lazy", onload: () => {
    const fits = Math.floor(Math.min(byId("trial").clientWidth, 900) / image.naturalWidth);
    image.style.width = `${image.naturalWidth * Math.max(1, Math.min(3, fits))}px`;
  } });
  image.src = source;
  return image;
}

function scores(place) {
  const trial = data.trials[place];
  const details = data.details[place];
  const { dataset } = data.settings[trial.setting];
  const peers = [...data.trials.keys()].filter((other) => data.settings[data.trials[other].setting].dataset === dataset);
  const lines = data.metrics.map((metric, i) => {
    const value = trial.scores[i];
    if (value === null) return h("tr", { class: "dim" }, h("th", { scope: "row" }, metric.label), h("td", { class: "right" }, MISSING), h("td", { colspan: 3 }, details.missing[i] ?? "not scored"));
    const others = scored(peers, i).map((other) => data.trials[other].scores[i]);
    const rank = 1 + others.filter((other) => cost(i, other) < cost(i, value)).length;
    const also = Object.entries(details.numbers[i] ?? {}).map(([name, found]) => `${name.replaceAll("_", " ")} ${number(found)}`).join(", ");
    return h("tr", {}, h("th", { scope: "row" }, metricTitle(i)), h("td", { class: rank === 1 && others.length > 1 ? "right best" : "right" }, h("span", { class: "number" }, number(value))),
      h("td", { class: "whole" }, `${ordinal(rank)} of ${others.length}`), h("td", {}, strip(others, value)), h("td", { class: "small muted beside" }, also));
  });
  const head = h("tr", {}, ["metric", "score", "rank", "among all trials", "beside the score"].map((name, i) => h("th", { scope: "col", class: i === 1 ? "right" : null }, name)));
  return h("section", {}, h("h2", {}, "Scores"), lines.length ? [h("p", { class: "lead" }, "Grey marks are all trials on this dataset, the coloured one is this trial."),
    longTable({ label: "Scores", head, items: lines, first: lines.length, draw: (line) => line })] : empty("The suite names no metrics."));
}

function strip(values, own) {
  const [low, high] = extent(values, 0.02);
  const x = (value) => (200 * (value - low)) / (high - low);
  return s("svg", { class: "strip", viewBox: "0 0 200 22", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { d: values.map((value) => `M${x(value).toFixed(1)} 5V17`).join(""), stroke: "var(--muted)", "stroke-opacity": values.length > 100 ? 0.2 : 0.5, "vector-effect": "non-scaling-stroke", "stroke-width": 1.2 }),
    s("path", { d: `M${x(own)} 1V21`, stroke: "var(--accent)", "stroke-width": 3, "vector-effect": "non-scaling-stroke" }));
}

function losses(place) {
  const { curves } = data.details[place];
  const { steps } = data.settings[data.trials[place].setting].training;
  return h("section", {}, h("h2", {}, "Losses"), curves.step ? termCharts([place], () => 0, trialTitle(place))
    : empty(steps === 0 ? "The model was not trained: its suite gives it 0 steps." : "No losses were recorded."));
}
