// The page: its summary, and the way between the overview and the trials.

const pageTitle = document.title;

function standfirst() {
  const count = (outcome) => data.trials.filter((trial) => trial.outcome === outcome).length;
  const [finished, pending] = [count("finished"), count("pending")];
  const failed = data.trials.length - finished - pending;
  const seconds = data.studies.reduce((sum, study) => sum + (study.seconds ?? 0), 0);
  const state = [failed ? `${failed} failed` : "", pending ? `${pending} not done` : ""].filter(Boolean).join(", ");
  const sentences = [`${plural(data.trials.length, "trial")} of ${plural(data.settings.length, "setting")} on ${data.datasets.join(" and ")}${state ? ` (${state})` : ""}, scored by ${plural(data.metrics.length, "metric")}; trained for ${duration(seconds)} in all.`];
  const wins = data.settings.map((_, place) => data.metrics.filter((_, metric) => isBestAlone(place, metric)).length);
  const most = Math.max(...wins, 0);
  const leaders = data.settings.filter((_, place) => wins[place] === most);
  if (most > 0 && data.datasets.length === 1 && data.settings.length > 1 && leaders.length <= 2) {
    sentences.push(`${leaders.map((setting) => setting.title).join(" and ")} ${leaders.length === 1 ? "is" : "are each"} best by ${most === data.metrics.length ? "every metric" : `${most} of ${plural(data.metrics.length, "metric")}`}.`);
  }
  byId("standfirst").textContent = sentences.join(" ");
}

let cameFrom = null;

function route() {
  hideTip();
  const key = location.hash.startsWith("#trial-") ? decodeURIComponent(location.hash.slice(7)) : null;
  const place = key === null ? undefined : placeOfKey.get(key);
  const trial = place !== undefined;
  if (trial && !byId("overview").hidden) cameFrom = { top: scrollY, link: document.activeElement };
  byId("overview").hidden = trial;
  document.querySelector(".masthead").hidden = trial;
  byId("trial").hidden = !trial;
  if (trial) {
    const title = drawTrial(place);
    scrollTo({ top: 0, behavior: "instant" });
    title.focus({ preventScroll: true });
    return;
  }
  document.title = pageTitle;
  byId("trial").replaceChildren();
  if (cameFrom && ["", "#leaderboard"].includes(location.hash)) {
    scrollTo({ top: cameFrom.top, behavior: "instant" });
    cameFrom.link?.focus?.({ preventScroll: true });
  } else if (location.hash.length > 1) byId(location.hash.slice(1))?.scrollIntoView();
  cameFrom = null;
}

byId("contents").append(...[...document.querySelectorAll("#overview section")].map((section) => h("a", { href: `#${section.id}` }, section.dataset.name)));
byId("colophon").textContent = `Made by harness ${data.version} at ${data.made_at.replace("T", " ").replace("+00:00", " UTC")}. The page loads nothing from elsewhere.`;
standfirst();
drawFilters();
redraw();
drawFailures();
drawProvenance();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  const main = byId(byId("trial").hidden ? "main" : "trial");
  main.tabIndex = -1;
  main.focus();
});
addEventListener("hashchange", route);
let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  // A phone's address bar changes the height alone, at every scroll.
  if (width === document.documentElement.clientWidth || byId("overview").hidden) return;
  width = document.documentElement.clientWidth;
  redraw();
});
addEventListener("scroll", hideTip, { passive: true });
route();
