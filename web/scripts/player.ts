// The poster becomes YouTube's player when it is pressed, in its place. Until
// then nothing was asked of Google. The address of the portal must reach the
// player, or it refuses to play (error 153): hence the referrer policy.
document.querySelectorAll<HTMLElement>("[data-player]").forEach((box) => {
  const link = box.querySelector("a");
  link?.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // a new window was asked for
    event.preventDefault();
    const frame = document.createElement("iframe");
    frame.src = `${box.dataset.player}?autoplay=1&rel=0&hl=${document.documentElement.lang}`;
    frame.title = box.dataset.title ?? "";
    frame.allow = "autoplay; encrypted-media; picture-in-picture; fullscreen";
    frame.referrerPolicy = "strict-origin-when-cross-origin";
    frame.allowFullscreen = true;
    link.replaceWith(frame);
    frame.focus();
  });
});
export {};
