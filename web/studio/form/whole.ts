// Sends the film of a testimony that staff have as a small version. Without this
// script its form is posted as any other.
import { checked, showFile, type Shown } from "./file";
import { Panel } from "./panel";
import type { Sending } from "./sending";
import { must, wordsOf } from "./words";

export function whole(form: HTMLFormElement): void {
  const box = must("sending");
  const input = must<HTMLInputElement>("f-video");
  const address = form.dataset.address ?? "";
  let sending: Sending | null = null;
  let before: Shown = "";

  /** The portal has all of it: the page says what it saw in it. */
  const watch = async (): Promise<void> => {
    showFile("checking");
    await checked(() => address);
    location.assign(address);
  };
  if (box.dataset.video === "checking") void watch();

  Promise.all([import("tus-js-client"), import("./sending")])
    .then(([tus, own]) => {
      const said = { id: Number(form.dataset.id), address, save: () => Promise.resolve() };
      sending = new own.Sending(tus.Upload, box.dataset.endpoint ?? "", Number(box.dataset.bytes), said, new Panel(wordsOf(box)), {
        began: () => {
          before = showFile("") || before;
        },
        arrived: () => void watch(),
        idle: () => {
          input.value = "";
          showFile(before);
        },
        small: () => undefined,
      });
      input.removeAttribute("name");
      must("send-whole").hidden = true;
      for (const hint of document.querySelectorAll<HTMLElement>("[data-script]")) hint.hidden = false;
      const choose = (): void => {
        const file = input.files?.[0];
        if (file) void sending?.choose(file);
      };
      input.addEventListener("change", choose);
      choose(); // chosen before we were ready
      form.dataset.ready = "yes";
    })
    .catch(() => undefined);

  window.addEventListener("beforeunload", (event) => {
    if (sending?.busy) event.preventDefault();
  });
}
