// A link to a moment of the video ends in #t= and its second: the player begins
// there.
function moment(): number {
  return Number(/^#t=(\d{1,6})$/.exec(location.hash)?.[1] ?? 0);
}

// The poster becomes YouTube's player when it is pressed, in its place. Until
// then nothing was asked of Google. The address of the portal must reach the
// player, or it refuses to play (error 153): hence the referrer policy.
document.querySelectorAll<HTMLElement>("[data-player]").forEach((box) => {
  const link = box.querySelector("a");
  link?.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // a new window was asked for
    event.preventDefault();
    const frame = document.createElement("iframe");
    frame.src = `${box.dataset.player}?autoplay=1&rel=0&hl=${document.documentElement.lang}${moment() ? `&start=${moment()}` : ""}`;
    frame.title = box.dataset.title ?? "";
    frame.allow = "autoplay; encrypted-media; picture-in-picture; fullscreen";
    frame.referrerPolicy = "strict-origin-when-cross-origin";
    frame.allowFullscreen = true;
    link.replaceWith(frame);
    frame.focus();
  });
});

/** The portal's own player goes to the moment of the address. */
function goTo(): void {
  const film = document.querySelector<HTMLVideoElement>(".player video");
  if (!film || !moment()) return;
  film.preload = "metadata";
  film.currentTime = moment();
  film.focus();
}
window.addEventListener("hashchange", goTo);
goTo();
export {};
