// Charts come after the page reads, for those who stay to look at it.
const load = () => void import("../../scripts/chart").then((chart) => chart.explore());
if (document.querySelector("[data-chart]")) {
  if ("requestIdleCallback" in window) requestIdleCallback(load);
  else setTimeout(load, 200);
}
export {};
