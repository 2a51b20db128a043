// Tables of shares: the deeper a cell's colour, the larger its number.

// Nothing, all of it below zero, all of it above; of the light page and of the dark one.
const HEAT = { light: ["#f6f2ec", "#0072b2", "#a3123e"], dark: ["#1e2026", "#4aa8e0", "#ff86a3"] };

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const luminance = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);

// A colour between two, and black or white on it, whichever stands out more: that is at least 4.58 to 1 on any colour.
function mixed(from, to, share) {
  const rgb = channels(from).map((v, i) => Math.round(v + (channels(to)[i] - v) * share));
  return { colour: `rgb(${rgb.join(" ")})`, ink: (luminance(rgb) + 0.05) ** 2 > 0.05 * 1.05 ? "#000" : "#fff" };
}

// Shares from -1 to 1: red above 0 and blue below, in order for every eye.
function tint(cell, share) {
  const [light, dark] = ["light", "dark"].map((page) => mixed(HEAT[page][0], HEAT[page][share < 0 ? 1 : 2], Math.min(1, Math.abs(share))));
  cell.style.backgroundColor = `light-dark(${light.colour}, ${dark.colour})`;
  cell.style.color = `light-dark(${light.ink}, ${dark.ink})`;
}

// The table, and the menu that copies it. rows: [{name, inactive}]; an inactive row keeps its numbers, but no colour.
function heatTable({ label, rows, columns, values }) {
  const decimals = values.flat().every((value) => Number.isInteger(value)) ? 0 : 2;
  const counted = values.filter((_, i) => !rows[i].inactive);
  const largest = Math.max(...(counted.length ? counted : values).flat().map((value) => Math.abs(value ?? 0)), 1e-12);
  const head = h("tr", {}, h("td", {}), columns.map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map(({ name, inactive }, i) => h("tr", { class: inactive ? "inactive" : null },
    h("th", { scope: "row" }, inactive ? `${name} (inactive)` : name), values[i].map((value) => {
      const cell = h("td", {}, value === null ? MISSING : value.toFixed(decimals).replace("-", MINUS));
      if (!inactive) tint(cell, (value ?? 0) / largest);
      return cell;
    })));
  return coloured(label, head, body);
}

const coloured = (label, head, rows) => ({ content: scrolling(label, h("table", { class: "heat" }, h("thead", {}, head), h("tbody", {}, rows))), copy: copyMenu(head, () => rows) });
