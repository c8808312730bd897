// Keeps what changes by itself up to date: a part of the page marked
// data-refresh is read again until it is marked no longer. Without this there is
// a link.
const every = 3000; // ms

async function renew(part: HTMLElement): Promise<void> {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = answer.ok ? page.getElementById(part.id) : null;
    if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
      part.innerHTML = fresh.innerHTML;
      part.toggleAttribute("data-refresh", fresh.hasAttribute("data-refresh"));
    }
  } catch {
    // the line is down: next time
  }
  if (part.hasAttribute("data-refresh")) watch(part);
}

function watch(part: HTMLElement): void {
  setTimeout(() => void renew(part), every);
}

document.querySelectorAll<HTMLElement>("[data-refresh][id]").forEach((part) => {
  part.setAttribute("aria-live", "polite");
  watch(part);
});
