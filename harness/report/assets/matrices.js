// The matrices of a trial's scores: what its codes have to do with the factors.

// The codes that at least one metric leaves out as inactive, and the metrics that do.
function inactivity(place) {
  const { active } = data.details[place];
  const judges = Object.keys(active).map(Number);
  return { judges, inactive: (code) => judges.some((metric) => !active[metric].includes(code)) };
}

function matrices(place) {
  const { matrices: found, pictures: drawn } = data.details[place];
  const study = data.studies[data.settings[data.trials[place].setting].study];
  if (!found.length) return "";
  // Two metrics may hold the same matrix; once is enough.
  const unique = found.filter((matrix, i) => found.findIndex((other) => JSON.stringify([other.rows, other.values]) === JSON.stringify([matrix.rows, matrix.values])) === i);
  const byFactor = ({ values }) => study.factors.length === values[0].length;
  const { judges, inactive } = inactivity(place);
  const draw = (matrix) => {
    const name = `${matrix.name.replaceAll("_", " ")} (${data.metrics[matrix.metric].label})`;
    const names = byFactor(matrix) ? codeNames(drawn, matrix.rows) : matrix.rows.map(String);
    return figure(name, heatTable({ label: name, values: matrix.values,
      rows: matrix.rows.map((code, i) => ({ name: names[i], inactive: byFactor(matrix) && inactive(code) })),
      columns: byFactor(matrix) ? study.factors : matrix.values[0].map((_, i) => String(i)) }), { title: `${name} of ${trialTitle(place)}` });
  };
  const group = (name, lead, members) => (members.length ? h("section", { class: "matrices" }, h("h2", {}, name), h("p", { class: "lead" }, lead),
    h("div", { class: "pair" }, members.map(draw))) : "");
  const codes = unique.filter(byFactor);
  const { active } = data.details[place];
  const strict = judges.filter((metric) => codes.some(({ rows }) => rows.some((code) => !active[metric].includes(code))));
  const someInactive = strict.length ? ` Codes that ${strict.map((metric) => data.metrics[metric].label).join(" or ")} leaves out as inactive have no colour.` : "";
  return [group("Codes and factors", `A row for each code, a column for each ground-truth factor. A disentangled code has one strong cell in its row, and a factor that one code holds has one strong cell in its column.${someInactive}`, codes),
    group("Matrices", "What metrics report beside their scores; rows and columns are numbered as the metric numbers them.", unique.filter((matrix) => !byFactor(matrix)))];
}

// A model's own names of its codes, where it is known that there are enough of them.
function codeNames(drawn, rows) {
  const names = drawn?.codes?.names ?? [];
  return rows.map((row) => names[row] ?? `code ${row}`);
}

// The names of the inactive codes, for what is drawn of codes by their names.
function inactiveNames(place) {
  const { inactive } = inactivity(place);
  const names = data.details[place].pictures?.codes?.names ?? [];
  return new Set(names.filter((_, code) => inactive(code)));
}
