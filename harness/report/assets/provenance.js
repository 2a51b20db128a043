// Where the numbers come from, and where trials differ in it.

// Packages of which other versions may give other numbers, so that trials made with both are marked.
const MARKED = ["torch", "disentanglement-harness"];

const PROVENANCE_NAMES = [...new Set(data.provenances.flatMap((provenance) => Object.keys(provenance)))];

// What trials that have ended differ in: for each name its values with how many trials have each, the most common first.
const differences = (() => {
  const found = new Map();
  data.details.forEach(({ provenance }) => {
    if (provenance === null) return;
    for (const name of PROVENANCE_NAMES) {
      const counts = found.get(name) ?? found.set(name, new Map()).get(name);
      const value = text(data.provenances[provenance][name] ?? "");
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  });
  return new Map([...found].filter(([, counts]) => counts.size > 1).map(([name, counts]) => [name, [...counts].sort((a, b) => b[1] - a[1])]));
})();

const valueOf = (place, name) => text(data.provenances[data.details[place].provenance]?.[name] ?? "");
const orUnknown = (value) => (value === "" ? "unknown" : value);

// The names of a trial's provenance in which it is not like most others.
const unusual = (place) => (data.details[place].provenance === null ? [] : [...differences].filter(([name, [[common]]]) => valueOf(place, name) !== common).map(([name]) => name));

function versionNote() {
  const mixed = MARKED.filter((name) => differences.has(name));
  if (!mixed.length) return null;
  const words = mixed.map((name) => `${name} ${differences.get(name).map(([value, count]) => `${orUnknown(value)} (${plural(count, "trial")})`).join(", ")}`);
  return h("p", { class: "warning" }, h("strong", {}, "Mixed versions. "), `These trials were made with ${words.join("; ")}. Scores may differ for that reason alone; a setting with others than most is marked. `,
    h("a", { href: "#provenance" }, "All differences"));
}

// Marks a setting whose trials were made with other versions than most.
function versionBadge(setting) {
  return MARKED.filter((name) => differences.has(name)).map((name) => {
    const own = [...new Set(trialsOfSetting[setting].filter((place) => data.details[place].provenance !== null).map((place) => valueOf(place, name)))];
    const [[common]] = differences.get(name);
    return own.every((value) => value === common) ? null : [" ", h("span", { class: "badge bad" }, `${name} ${own.map(orUnknown).join(" and ")}`)];
  });
}

function differencesTable() {
  if (!differences.size) return h("p", { class: "small muted" }, "All trials were made on the same machine with the same versions.");
  const head = h("tr", {}, ["differs between trials", "trials and their value"].map((name) => h("th", { scope: "col" }, name)));
  const rows = [...differences].map(([name, counts]) => h("tr", {}, h("th", { scope: "row" }, name),
    h("td", {}, counts.map(([value, count]) => `${count.toLocaleString("en")} × ${orUnknown(value)}`).join(", "))));
  return scrolling("Differences between trials", h("table", { class: "differences" }, h("thead", {}, head), h("tbody", {}, rows)), copyMenu(head, () => rows));
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
  put(body, h("h3", {}, "Machines and versions"), differencesTable());
  const entries = h("div", {});
  const users = data.provenances.map(() => 0);
  data.details.forEach(({ provenance }) => { if (provenance !== null) users[provenance] += 1; });
  put(body, entries, growing(entries, [...data.provenances.keys()], 3, (place) => h("div", {}, h("p", { class: "small muted" }, plural(users[place], "trial")), settingsList(data.provenances[place]))));
}
