// What the reader chose, kept in the page's address: a reload, or the link sent to someone, shows the same.

const asked = (name) => new URLSearchParams(location.search).getAll(name);

// Keeps the values of one choice; without values it is forgotten.
function remember(name, ...values) {
  const url = new URL(location.href);
  url.searchParams.delete(name);
  for (const value of values) url.searchParams.append(name, value);
  // A page inside another's frame may have no address to change; it works without.
  try { history.replaceState(history.state, "", url); } catch { return; }
  byId("reset").hidden = !url.search;
}

// One of several names that the address asks for; null where it asks for none of them.
const askedOf = (name, names) => asked(name).find((value) => names.includes(value)) ?? null;

// The place of a metric that the address names by its label.
function askedMetric(name) {
  const place = data.metrics.findIndex((metric) => metric.label === asked(name)[0]);
  return place < 0 ? null : place;
}

const resetButton = () => h("button", { type: "button", id: "reset", hidden: !location.search, onclick: () => location.assign(location.pathname) }, "Reset");
