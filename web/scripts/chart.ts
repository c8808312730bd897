// Lines drawn by the server become charts to be explored. The numbers are read
// from the table below each, so there is one source. Staff dashboards only:
// import("../../scripts/chart").then((chart) => chart.explore()).
import { CategoryScale, Chart, type ChartDataset, Filler, Legend, LinearScale, LineController, LineElement, PointElement, type Plugin, Tooltip } from "chart.js";

Chart.register(CategoryScale, Filler, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip);

/** Lines are told apart by their marks, too, not by their colour alone. */
const marks = ["circle", "triangle", "rect", "rectRot", "star", "crossRot"] as const;

/** The columns of a table as lines. */
function lines(table: HTMLTableElement): ChartDataset<"line">[] {
  const rows = [...table.tBodies[0]!.rows];
  const heads = [...table.tHead!.rows[0]!.cells].slice(1);
  return heads.map((head, column) => {
    const hue = head.dataset.hue ?? "#0066cc";
    return {
      label: head.textContent ?? "",
      data: rows.map((row) => Number(row.cells[column + 1]?.dataset.value)),
      borderColor: hue,
      backgroundColor: heads.length > 1 ? hue : "#ebf4ff",
      fill: heads.length === 1,
      pointStyle: marks[column % marks.length],
      pointRadius: rows.length > 40 ? 0 : 3,
      pointHitRadius: 12,
      borderWidth: 2,
    };
  });
}

/** How days are written below a chart: briefly, and so that one can tell them apart. */
function axis(days: Date[]): Intl.DateTimeFormatOptions {
  const year = 365 * 24 * 60 * 60 * 1000;
  const long = Number(days[days.length - 1]) - Number(days[0]) > year;
  return { month: "short", timeZone: "UTC", ...(long ? { year: "numeric" } : { day: "numeric" }) };
}

/** A line across the chart before the first row that is marked: from there on the numbers mean something else. */
function mark(table: HTMLTableElement): Plugin<"line">[] {
  const at = [...table.tBodies[0]!.rows].findIndex((row) => row.dataset.mark !== undefined);
  if (at < 1) return [];
  return [
    {
      id: "mark",
      afterDatasetsDraw({ ctx, chartArea, scales }) {
        const x = (scales.x!.getPixelForValue(at - 1) + scales.x!.getPixelForValue(at)) / 2;
        ctx.save();
        ctx.strokeStyle = Chart.defaults.color as string;
        ctx.setLineDash([4, 4]);
        ctx.beginPath();
        ctx.moveTo(x, chartArea.top);
        ctx.lineTo(x, chartArea.bottom);
        ctx.stroke();
        ctx.restore();
      },
    },
  ];
}

/** A figure's drawing, if it has one, gives place to a chart. */
function replace(figure: HTMLElement): void {
  const table = figure.querySelector("table");
  if (!table || table.tBodies[0]!.rows.length < 2) return;
  const datasets = lines(table);
  const box = document.createElement("div");
  box.className = "line-canvas";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true"); // the table says the same
  box.append(canvas);
  figure.querySelector(".line-frame")?.remove();
  figure.querySelector(".line-axis")?.remove();
  figure.querySelector("figcaption")!.after(box);
  const lang = document.documentElement.lang;
  const format = new Intl.NumberFormat(lang, { useGrouping: true }); // of four digits, too, as the pages do
  const days = [...table.tBodies[0]!.rows].map((row) => new Date(row.cells[0]?.dataset.day ?? ""));
  const short = new Intl.DateTimeFormat(lang, axis(days));
  const style = getComputedStyle(document.body);
  Chart.defaults.font.family = style.fontFamily;
  Chart.defaults.font.size = 14;
  Chart.defaults.color = style.color;
  new Chart(canvas, {
    type: "line",
    plugins: mark(table),
    data: { labels: [...table.tBodies[0]!.rows].map((row) => row.cells[0]?.firstChild?.textContent?.trim() ?? ""), datasets },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: datasets.length > 1, position: "bottom", labels: { usePointStyle: true, boxHeight: 8 } },
        tooltip: { usePointStyle: true, callbacks: { label: (item) => `${item.dataset.label}: ${format.format(item.parsed.y ?? 0)}` } },
      },
      scales: {
        x: {
          ticks: { maxTicksLimit: 6, maxRotation: 0, autoSkipPadding: 12, callback: (value) => short.format(days[Number(value)]) },
          grid: { display: false },
        },
        y: { beginAtZero: true, ticks: { callback: (value) => format.format(Number(value)), precision: 0, maxTicksLimit: 6 } },
      },
    },
  });
}

/** Makes every line of the page a chart. */
export function explore(): void {
  document.querySelectorAll<HTMLElement>("figure[data-chart]").forEach(replace);
}
