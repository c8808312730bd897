// What is wrong stands at its field, as when the server makes the page.

const idOf = (name: string): string => "f-" + name.replaceAll("_", "-");

/** Says at a field what is wrong with it; without a text, that nothing is. */
export function setWrong(name: string, text: string | undefined): void {
  const control = document.getElementById(idOf(name));
  const box = control?.closest<HTMLElement>(".field");
  if (!control || !box) return;
  const id = control.id + "-error";
  let line = document.getElementById(id);
  box.classList.toggle("field-wrong", text !== undefined);
  const described = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
  if (text === undefined) {
    line?.remove();
    control.removeAttribute("aria-invalid");
  } else {
    if (!line) {
      line = document.createElement("p");
      line.className = "field-error";
      line.id = id;
      const above = box.querySelector(".field-help") ?? box.querySelector(".field-label");
      above?.after(line);
    }
    const icon = document.querySelector<HTMLTemplateElement>("#wrong-icon");
    line.replaceChildren(icon ? icon.content.cloneNode(true) : "", " ", text);
    if (control.tagName !== "FIELDSET") control.setAttribute("aria-invalid", "true");
    described.unshift(id);
  }
  if (described.length > 0) control.setAttribute("aria-describedby", described.join(" "));
  else control.removeAttribute("aria-describedby");
}

/** Says on top of the form all that is wrong, and goes there. */
export function summarize(place: HTMLElement, title: string, wrong: Record<string, string>): void {
  const names = Object.keys(wrong).sort((a, b) => position(a) - position(b));
  const heading = document.createElement("h2");
  heading.className = "errors-title";
  heading.textContent = title;
  const list = document.createElement("ul");
  for (const name of names) {
    const link = document.createElement("a");
    link.href = "#" + idOf(name);
    link.textContent = wrong[name] ?? "";
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  const box = document.createElement("div");
  box.className = "alert alert-danger errors";
  box.id = "errors";
  box.setAttribute("role", "alert");
  box.tabIndex = -1;
  box.append(heading, list);
  place.replaceChildren(box);
  box.focus();
  box.scrollIntoView({ block: "start" });
}

/** Where a field stands on the page, to name things in their order. */
function position(name: string): number {
  return [...document.querySelectorAll(".field")].findIndex((box) => box.id === idOf(name) || box.querySelector("#" + idOf(name)));
}
