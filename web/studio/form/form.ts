// The form of a testimony: it saves itself, sends the video beside it, and says
// what is wrong without leaving the page. Without this script the form is
// posted as any other, with its file in one go.
import { marked } from "../record/takes";
import { Draft, keeps } from "./draft";
import { checked, showFile, type Shown } from "./file";
import { Panel } from "./panel";
import type { Recorded } from "./recorded";
import { type Saved, type Standing, standing } from "./portal";
import type { Sending } from "./sending";
import { whole } from "./whole";
import { moment, must, wordsOf } from "./words";
import { setWrong, summarize } from "./wrong";

// Milliseconds that asking for review waits for the portal to know of the file.
const patience = 10_000;

/** May the town hall still change it? */
const editable = (state: string): boolean => state === "draft" || state === "changes_requested";

const form = document.getElementById("testimony-form");
if (form instanceof HTMLFormElement) begin(form);
const late = document.getElementById("late");
if (late && keeps(late.dataset.municipality ?? "", late.dataset.id ?? "")) late.hidden = false;
const rest = document.getElementById("whole-form");
if (rest instanceof HTMLFormElement) whole(rest);

function begin(form: HTMLFormElement): void {
  const line = must("saved");
  const words = wordsOf(line);
  const place = must("errors-place");
  const box = must("sending");
  const input = must<HTMLInputElement>("f-video");
  const touched = new Set<string>();
  let sending: Sending | null = null;
  let leaving = false;
  let take: Recorded | null = null; // on this device
  let before: Shown = ""; // the state of the file when a new one was chosen

  const draft = new Draft(form, line, words, (answer) => {
    for (const name of touched) setWrong(name, answer.wrong[name]);
    touched.clear();
    for (const [name, text] of Object.entries(answer.wrong)) {
      if (name !== "video") setWrong(name, text);
    }
    if (!form.querySelector(".field-wrong")) place.replaceChildren();
  }, () => void reviewBegan());
  form.addEventListener("input", (event) => {
    const control = event.target as HTMLInputElement;
    if (control.name) touched.add(control.name);
  });
  offerKept(draft);

  /** What was written after the review began is still here: it can be taken back. */
  const reviewBegan = async (): Promise<void> => {
    const now = await standing(draft.address).catch(() => null);
    if (now?.state !== "in_review") return;
    place.replaceChildren();
    const note = must("began");
    note.hidden = false;
    note.scrollIntoView({ block: "center" });
  };

  const goTo = (address: string) => {
    leaving = true;
    location.assign(address);
  };

  /** The portal has the whole file: wait for what it sees in it. */
  const watch = async (): Promise<void> => {
    showFile("checking");
    const now = await checked(() => draft.address);
    if (!editable(now.state) && !draft.unsaved) return goTo(draft.address);
    box.dataset.video = now.video;
    if (box.dataset.state === "checking") box.hidden = true;
    if (now.video === "ready" || now.video === "unusable") showFile(now.video, now);
  };
  if (box.dataset.video === "checking") void watch();

  /** Staff have the small version: nothing is changed any more, but the page stays while the film is on its way. */
  const stay = (): void => {
    if (!sending?.busy) return goTo(draft.address);
    draft.close();
    for (const control of form.elements) {
      if (control !== input && !box.contains(control) && !must("line-options").contains(control)) control.setAttribute("disabled", "");
    }
    for (const id of ["save-draft", "send-review", "send-help"]) must(id).hidden = true;
    line.textContent = "";
    tell(wordsOf(box)("inReview"));
  };
  const watchSmall = async (): Promise<void> => {
    const now = await checked(() => draft.address, "small");
    if (!editable(now.state) && !draft.unsaved) stay();
  };

  /** Says on top what came of asking for review. */
  const tell = (text: string): void => {
    const note = document.createElement("div");
    note.className = "alert alert-success";
    note.id = "review-asked";
    note.setAttribute("role", "status");
    note.textContent = text;
    place.replaceChildren(note);
    note.scrollIntoView({ block: "center" });
  };

  // Only when the code that sends has come does the file stop being a part of
  // the form: if it never does, the form still works.
  Promise.all([import("tus-js-client"), import("./sending")])
    .then(([tus, own]) => {
      sending = new own.Sending(tus.Upload, box.dataset.endpoint ?? "", Number(box.dataset.bytes), draft, new Panel(wordsOf(box)), {
        began: () => {
          setWrong("video", undefined);
          before = showFile("") || before;
        },
        arrived: (now: Standing) => {
          input.value = "";
          box.dataset.video = now.video;
          void take?.arrived(now);
          void watch();
        },
        idle: () => {
          input.value = "";
          take?.idle();
          if (before !== "half") showFile(before);
        },
        small: () => void watchSmall(),
      });
      input.removeAttribute("name");
      for (const hint of document.querySelectorAll<HTMLElement>("[data-script]")) hint.hidden = false;
      const choose = () => {
        const file = input.files?.[0];
        if (file) void sending?.choose(file);
      };
      input.addEventListener("change", choose);
      choose(); // chosen before we were ready
      if (draft.id && marked(draft.id)) void offerTake();
      form.dataset.ready = "yes";
    })
    .catch(() => undefined);

  /** What was recorded here goes on its way, or is offered again. */
  const offerTake = async (): Promise<void> => {
    const own = await import("./recorded");
    take = new own.Recorded(draft, box.dataset.endpoint ?? "", () => showFile(""));
    const file = await take.begin(() => {
      box.dataset.video = "checking";
      void watch();
    });
    if (file && !sending?.busy) void sending?.choose(file);
  };

  // Recording is offered where it can be done.
  must("MediaRecorder" in window && "mediaDevices" in navigator ? "record-can" : "record-cannot").hidden = false;

  const submit = async (review: boolean, then = "", tab: Window | null = null): Promise<void> => {
    if (review && sending?.busy && box.dataset.video === "ready") {
      // Review would take the old file, and the new one would come too late.
      setWrong("video", words("replacing"));
      summarize(place, words("wrong"), { video: words("replacing") });
      return;
    }
    if (review && sending) await Promise.race([sending.known(), new Promise((done) => setTimeout(done, patience))]);
    const answer = review ? await draft.ask() : await draft.save();
    if (then && tab) tab.location.assign(answer.address + then);
    else if (then) return goTo(answer.address + then);
    if (Object.keys(answer.wrong).length > 0) return showWrong(answer);
    place.replaceChildren();
    if (!review) return;
    if (!answer.awaits) return sending?.busy ? stay() : goTo(answer.address);
    tell(words("awaits"));
    must("send-review").hidden = true;
    must("send-help").hidden = true;
  };

  const showWrong = (answer: Saved): void => {
    for (const [name, text] of Object.entries(answer.wrong)) setWrong(name, text);
    summarize(place, words("wrong"), answer.wrong);
  };

  let submitting = false;
  form.addEventListener("submit", (event) => {
    if (!sending && input.files?.length) return; // the file goes with the form
    if (event.submitter?.id === "cancel-upload" || event.submitter?.hasAttribute("data-leads")) {
      leaving = true;
      return;
    }
    event.preventDefault();
    delete form.dataset.sent; // see scripts/form
    if (submitting) return;
    submitting = true;
    const then = event.submitter?.dataset.then;
    // A file that is being sent needs this page: what is asked for opens beside it.
    const tab = then && sending?.busy ? window.open("", "_blank") : null;
    submit(event.submitter?.id === "send-review", then, tab)
      .catch(() => undefined) // the line has said why
      .finally(() => (submitting = false));
  });

  window.addEventListener("beforeunload", (event) => {
    if (!leaving && (sending?.busy || draft.unsaved)) event.preventDefault();
  });
}

/** What did not reach the portal the last time is offered, never put back unasked. */
function offerKept(draft: Draft): void {
  const kept = draft.kept();
  if (!kept) return;
  const box = must("kept");
  must("kept-what").textContent = wordsOf(box)("kept", { when: moment(kept.at) });
  box.hidden = false;
  must("kept-take").addEventListener("click", () => {
    box.hidden = true;
    kept.take();
  });
  must("kept-drop").addEventListener("click", () => {
    box.hidden = true;
    kept.drop();
  });
}
