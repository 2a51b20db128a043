// From values to places on a chart.

function ticks(low, high, about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((candidate) => candidate >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

// As many decimals as the values need to differ.
function labelled(values) {
  const decimals = Math.max(0, ...values.map((value) => (plainNumber(value).split(".")[1] ?? "").length));
  return values.map((value) => [value, Math.abs(value) < 1e-4 || Math.abs(value) >= 1e4 ? plainNumber(value) : value.toFixed(decimals).replace("-", MINUS)]);
}

function plainNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toExponential().replace("e+", "e").replaceAll("-", MINUS);
  return value.toLocaleString("en", { maximumFractionDigits: 10 }).replace("-", MINUS);
}

// Domain of values with a little room at both ends.
function extent(values, room = 0.04) {
  const finite = values.filter((value) => value !== null && value !== undefined);
  if (!finite.length) return [0, 1];
  let [low, high] = [Infinity, -Infinity];
  for (const value of finite) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low === high) { const pad = Math.abs(low) * 0.1 || 0.5; return [low - pad, high + pad]; }
  return [low - (high - low) * room, high + (high - low) * room];
}

function linear(values, from, to, about = 6) {
  const [low, high] = extent(values);
  const place = (value) => from + ((value - low) / (high - low)) * (to - from);
  return { place, ticks: labelled(ticks(low, high, about)) };
}

const spansDecades = (values) => {
  const finite = values.filter((value) => value !== null && value !== undefined);
  return finite.length > 1 && finite.every((value) => value > 0) && Math.max(...finite) / Math.min(...finite) >= 30;
};

function logarithmic(values, from, to) {
  const [low, high] = extent(values.filter((value) => value > 0).map(Math.log10), 0.06);
  const place = (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  const decades = [];
  const every = Math.max(1, Math.ceil((high - low) / 7));
  for (let k = Math.ceil(low); k <= high; k += every) decades.push(Number(`1e${k}`));
  const marks = decades.length > 1 ? decades : ticks(10 ** low, 10 ** high, 4).filter((value) => value > 0);
  return { place, ticks: marks.map((value) => [value, plainNumber(value)]) };
}

const automatic = (values, from, to, about) => (spansDecades(values) ? logarithmic(values, from, to) : linear(values, from, to, about));

function categorical(names, from, to) {
  const step = (to - from) / names.length;
  const places = new Map(names.map((name, i) => [name, from + (i + 0.5) * step]));
  return { place: (name) => places.get(name), ticks: names.map((name) => [name, name]) };
}
