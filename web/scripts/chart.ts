// Lines drawn by the server become charts to be explored. The numbers are read
// from the table below each, so there is one source. Staff dashboards only:
// import { explore } from "../../scripts/chart".
import { CategoryScale, Chart, Filler, LinearScale, LineController, LineElement, PointElement, Tooltip } from "chart.js";

Chart.register(CategoryScale, Filler, LinearScale, LineController, LineElement, PointElement, Tooltip);

function replace(figure: HTMLElement): void {
  const rows = [...figure.querySelectorAll<HTMLTableRowElement>("tbody tr")];
  const drawing = figure.querySelector(".line-frame");
  if (rows.length < 2 || !drawing) return;
  const style = getComputedStyle(document.documentElement);
  const blue = style.getPropertyValue("--bsi-primary").trim() || "#0066cc";
  const box = document.createElement("div");
  box.className = "line-canvas";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true"); // the table says the same
  box.append(canvas);
  drawing.replaceWith(box);
  figure.querySelector(".line-axis")?.remove();
  const format = new Intl.NumberFormat(document.documentElement.lang);
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  new Chart(canvas, {
    type: "line",
    data: {
      labels: rows.map((row) => row.querySelector("th")?.textContent ?? ""),
      datasets: [
        {
          data: rows.map((row) => Number(row.querySelector<HTMLElement>("[data-value]")?.dataset.value)),
          borderColor: blue,
          backgroundColor: "#ebf4ff",
          fill: true,
          pointRadius: rows.length > 40 ? 0 : 2,
          pointHitRadius: 12,
          tension: 0,
        },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { tooltip: { callbacks: { label: (item) => format.format(item.parsed.y ?? 0) } } },
      scales: {
        x: { ticks: { maxTicksLimit: 6, maxRotation: 0 }, grid: { display: false } },
        y: { beginAtZero: true, ticks: { callback: (value) => format.format(Number(value)), precision: 0 } },
      },
    },
  });
}

/** Makes every line of the page a chart. */
export function explore(): void {
  document.querySelectorAll<HTMLElement>("figure[data-chart=line]").forEach(replace);
}
