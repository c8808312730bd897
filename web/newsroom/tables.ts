// A table that fits its page is no region to be scrolled, so the keyboard need
// not stop at it.
const watch = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target as HTMLElement;
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});

document.querySelectorAll<HTMLElement>(".table-scroll").forEach((box) => watch.observe(box));

export {};
