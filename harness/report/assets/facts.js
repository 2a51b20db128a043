// The data of the page, and what follows from it.

const data = JSON.parse(byId("data").textContent);
const MISSING = "–";
const MINUS = "−";

const trialKey = (place) => {
  const trial = data.trials[place];
  return data.studies.length > 1 ? `${data.settings[trial.setting].study}-${trial.id}` : trial.id;
};
const placeOfKey = new Map(data.trials.map((_, place) => [trialKey(place), place]));
const trialsOfSetting = data.settings.map(() => []);
data.trials.forEach((trial, place) => trialsOfSetting[trial.setting].push(place));

const boardOfSetting = data.settings.map(() => []);
for (const [setting, metric, n, without, mean, std, low, high, status, reason, best] of data.board) {
  boardOfSetting[setting][metric] = { n, without, mean, std, low, high, status, reason, best };
}

const models = [...new Set(data.settings.map((setting) => setting.model))];
const modelOf = (place) => data.settings[data.trials[place].setting].model;

// A number to three decimals at most, three digits where it is large.
function number(value) {
  if (value === null || value === undefined) return MISSING;
  const size = Math.abs(value);
  let text;
  if (size !== 0 && (size < 5e-4 || size >= 1e6)) text = value.toExponential(1).replace("e+", "e");
  else if (size >= 1000) text = Math.round(value).toLocaleString("en");
  else if (Number.isInteger(value)) text = String(value);
  else text = value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
  return text.replace(/-/g, MINUS);
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

function ordinal(n) {
  const tail = n % 100 > 10 && n % 100 < 14 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
  return `${n}${tail}`;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return MISSING;
  if (seconds < 90) return `${number(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} days`;
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const trialTitle = (place) => `${data.settings[data.trials[place].setting].title} seed=${data.trials[place].seed}`;
const metricTitle = (metric) => data.metrics[metric].label + (data.metrics[metric].higher === false ? " (less is better)" : "");

// Smaller is better for both, so that sorting puts the best first.
const cost = (metric, value) => (data.metrics[metric].higher === false ? value : -value);

// Whether a setting is the best of its dataset, or cannot be told from the best: whoever the filters hide.
const isBest = (setting, metric) => Boolean(boardOfSetting[setting][metric]?.best);
// Whether all others can be told from it.
const isBestAlone = (setting, metric) => isBest(setting, metric) && !data.settings.some((other, place) =>
  place !== setting && other.dataset === data.settings[setting].dataset && isBest(place, metric));

function ranks(values) {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const found = [];
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && values[order[end]] === values[order[i]]) end += 1;
    for (let k = i; k < end; k += 1) found[order[k]] = (i + end - 1) / 2;
    i = end;
  }
  return found;
}

// Spearman's rank correlation of pairs; null for fewer than three, or where a side is constant.
function rankCorrelation(pairs) {
  if (pairs.length < 3) return null;
  const [a, b] = [0, 1].map((side) => ranks(pairs.map((pair) => pair[side])));
  const middle = (pairs.length - 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((rank, i) => {
    ab += (rank - middle) * (b[i] - middle);
    aa += (rank - middle) ** 2;
    bb += (b[i] - middle) ** 2;
  });
  return aa && bb ? ab / Math.sqrt(aa * bb) : null;
}

function trialLink(place, label) {
  return h("a", { href: `#trial-${trialKey(place)}` }, label ?? trialTitle(place));
}

const outcomeBadge = (outcome) => h("span", { class: outcome === "finished" || outcome === "pending" ? "badge" : "badge bad" },
  outcome === "pending" ? "not done" : outcome);
