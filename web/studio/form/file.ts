// Which state of the file the page shows, and waiting for the portal to look at
// it.
import { type Standing, standing } from "./portal";
import { must } from "./words";

export type Shown = "" | "half" | "checking" | "ready" | "unusable";

/** Shows one of the states that the page has, or none; returns the one before. */
export function showFile(which: Shown, now?: Standing): Shown {
  let before: Shown = "";
  for (const box of document.querySelectorAll<HTMLElement>("[data-file]")) {
    if (!box.hidden) before = box.dataset.file as Shown;
    box.hidden = box.dataset.file !== which;
  }
  if (which === "unusable" && now) must("file-reason").textContent = now.reason;
  if (which === "ready" && now) {
    const player = must<HTMLVideoElement>("player");
    const prefix = /^\/(en|fr)\//.exec(location.pathname)?.[0].slice(0, -1) ?? "";
    player.poster = prefix + now.poster;
    player.src = prefix + now.rendition;
  }
  return before;
}

// Milliseconds between two looks: often at first, for most files are small.
const first = 1_500;
const slowest = 10_000;

/** Asks until the portal has looked at the file, or at its small version, and says what it saw. */
export async function checked(address: () => string, of: "video" | "small" = "video"): Promise<Standing> {
  for (let wait = first; ; wait = Math.min(wait * 1.3, slowest)) {
    await new Promise((done) => setTimeout(done, document.hidden ? slowest : wait));
    try {
      const now = await standing(address());
      if (now[of] !== "checking") return now;
    } catch {
      // The line is down or the portal restarts: it is asked again.
    }
  }
}
