// What another device does with the same testimony: how much of its video is
// there, and whether it has arrived.
import { type Standing, standing } from "../studio/form/portal";
import { wordsOf } from "../studio/form/words";

// Milliseconds between two looks, and while nobody looks at the page.
const often = 4_000;
const seldom = 30_000;

function follow(box: HTMLElement): void {
  const words = wordsOf(box);
  const status = box.querySelector<HTMLElement>("[role=status]");
  const percent = box.querySelector<HTMLElement>("[data-percent]");
  const again = box.querySelector<HTMLElement>("[data-again]");
  const form = document.getElementById("testimony-form");
  let first: Standing | null = null;

  /** This device sends itself, and says so elsewhere on the page. */
  const sendsHere = (): boolean => document.getElementById("sending")?.hidden === false;

  const show = (now: Standing): void => {
    first ??= now;
    const open = now.state === "draft" || now.state === "changes_requested";
    const which = !open ? "closed" : now.arriving ? "arriving" : now.video || "none";
    const text = words(which);
    // Said once, not with every percent.
    if (status && status.textContent !== text) status.textContent = text;
    if (percent) percent.textContent = which === "arriving" ? `${now.arriving?.percent ?? 0} %` : "";
    if (again) again.hidden = !form || (now.video_id === first.video_id && now.video === first.video && now.state === first.state);
    box.hidden = sendsHere();
  };

  const look = async (): Promise<void> => {
    try {
      show(await standing(box.dataset.elsewhere ?? ""));
    } catch {
      // The line is down or the portal restarts: it is asked again.
    }
    window.setTimeout(() => void look(), document.hidden ? seldom : often);
  };
  void look();
}

document.querySelectorAll<HTMLElement>("[data-elsewhere]").forEach(follow);
