// Forms get comfort; without this they work the same.

/** Characters as people count them; bytes and tags as YouTube does. */
function measure(text: string, unit: string | undefined): number {
  if (unit === "bytes") return new TextEncoder().encode(text).length;
  if (unit === "tags") return measureTags(text);
  return [...text].length;
}

/** As testimony.CountTags: two more for a tag with a space, and the commas. */
function measureTags(text: string): number {
  const tags = new Map<string, string>();
  for (const part of text.split(/[,;\r\n]/)) {
    const tag = part.trim().replace(/^#+/, "").trim().replace(/\s+/g, " ");
    if (tag && !tags.has(tag.toLowerCase())) tags.set(tag.toLowerCase(), tag);
  }
  let n = Math.max(0, tags.size - 1);
  for (const tag of tags.values()) n += [...tag].length + (tag.includes(" ") ? 2 : 0);
  return n;
}

/** The line under a field says how much room is left. */
function count(line: HTMLElement): void {
  const field = document.getElementById(line.dataset.countFor ?? "");
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
  const max = Number(field.dataset.max);
  const format = new Intl.NumberFormat(document.documentElement.lang, { useGrouping: true }); // of four digits, too, as the pages do
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
