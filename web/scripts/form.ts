// Forms get comfort; without this they work the same.

/** Characters as people count them, bytes as YouTube does. */
function measure(text: string, unit: string | undefined): number {
  return unit === "bytes" ? new TextEncoder().encode(text).length : [...text].length;
}

/** The line under a field says how much room is left. */
function count(line: HTMLElement): void {
  const field = document.getElementById(line.dataset.countFor ?? "");
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
  const max = Number(field.dataset.max);
  const format = new Intl.NumberFormat(document.documentElement.lang);
  const update = () => {
    const left = max - measure(field.value, field.dataset.unit);
    const words = (left < 0 ? line.dataset.over : line.dataset.text) ?? "";
    line.textContent = words.replace("{n}", format.format(Math.abs(left)));
    line.classList.toggle("over", left < 0);
  };
  field.addEventListener("input", update);
  update();
}

/** No more boxes can be ticked than allowed; those ticked can be taken away. */
function bound(group: HTMLElement): void {
  const most = Number(group.dataset.most);
  const boxes = [...group.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
  const update = () => {
    const full = boxes.filter((box) => box.checked).length >= most;
    for (const box of boxes) box.disabled = full && !box.checked;
  };
  group.addEventListener("change", update);
  update();
}

/** A button pressed twice sends once. */
function once(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    else if (!event.defaultPrevented) form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

document.querySelectorAll<HTMLElement>("[data-count-for]").forEach(count);
document.querySelectorAll<HTMLElement>("[data-most]").forEach(bound);
document.querySelectorAll<HTMLFormElement>("form[method=post]").forEach(once);
document.getElementById("errors")?.focus();
