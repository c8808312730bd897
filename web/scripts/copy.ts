// A button that copies a text; without it the text can be selected.
function copies(box: HTMLElement): void {
  const field = box.querySelector<HTMLInputElement | HTMLTextAreaElement>("input, textarea");
  const button = box.querySelector<HTMLButtonElement>("button");
  const said = box.querySelector<HTMLElement>("[role=status]");
  if (!field || !button || !said) return;
  button.hidden = false;
  said.textContent = "";
  field.addEventListener("focus", () => field.select());
  if (document.activeElement === field) field.select();
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value); // not there on an address without https
      said.textContent = button.dataset.done ?? "";
    } catch {
      said.textContent = button.dataset.failed ?? "";
    }
  });
}

document.querySelectorAll<HTMLElement>("[data-copy]").forEach(copies);
