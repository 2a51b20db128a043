// Learning curves: every loss term of one model, a line for each trial.

const MOST_LINES = 80;
const learning = { model: askedOf("curves", models) };
const SPEED = "images_per_second";

function drawCurves() {
  const body = bodyOf("curves");
  body.replaceChildren();
  const trials = visibleTrials().filter((place) => data.details[place].curves.step);
  const names = models.filter((model) => trials.some((place) => modelOf(place) === model));
  if (!names.length) return void put(body, empty("No trial shown here has recorded losses: the models were not trained, or are not done."));
  if (!names.includes(learning.model)) learning.model = names[0];
  const own = trials.filter((place) => modelOf(place) === learning.model);
  const kept = own.slice(0, MOST_LINES);
  const settings = [...new Set(kept.map((place) => data.trials[place].setting))];
  const key = settings.length > 1 && settings.length <= 28 ? legend(settings.map((place) => data.settings[place].title), lineMark) : null;
  put(body,
    h("p", { class: "lead" }, "A line for each trial; seeds of one setting look alike. The scale is logarithmic where values span more than a factor of thirty."),
    h("div", { class: "controls" }, choice("Model", names.map((name) => [name, name]), learning.model, (value) => {
      learning.model = value;
      remember("curves", value);
      drawCurves();
    })),
    key,
    own.length > kept.length ? h("p", { class: "small muted" }, `The first ${MOST_LINES} of ${own.length} trials. The page of each trial shows its own.`) : null,
    termCharts(kept, (place) => settings.indexOf(data.trials[place].setting), learning.model, key));
}

// A small chart for each term that any of these trials has.
function termCharts(trials, series, whose, key = null) {
  const terms = [...new Set([...trials.flatMap((place) => Object.keys(data.details[place].curves.terms).filter((term) => term !== SPEED)), SPEED])];
  return h("div", { class: "multiples" }, terms.map((term) => {
    const lines = trials.filter((place) => term in data.details[place].curves.terms).map((place) => ({
      series: series(place), xs: data.details[place].curves.step, ys: data.details[place].curves.terms[term], words: trialTitle(place), open: openTrial(place) }));
    if (!lines.length) return null;
    const [name, yName, unit] = term === SPEED ? ["training speed", "images per second", "images/s"] : [term.replaceAll("_", " "), "loss", ""];
    const scale = spansDecades(lines.flatMap((line) => line.ys)) ? ", logarithmic" : "";
    return figure(name, lineChart({ lines, xName: "training step", yName: `${yName}${scale}`, unit, faint: lines.length > 6,
      label: `${name}: ${yName} at each training step, ${plural(lines.length, "trial")}.` }), { legend: key, within: false, title: `${name} of ${whose}` });
  }));
}
redraws.push(drawCurves);
