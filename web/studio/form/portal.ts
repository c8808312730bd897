// What the form asks of the portal.

/** The answer to a save, or to asking for review. */
export interface Saved {
  id: number;
  address: string;
  saved_at: string;
  state: string;
  awaits: boolean;
  sent: boolean;
  wrong: Record<string, string>;
  version: number; // that the page knows now
}

/** An upload that has not come to its end. */
export interface Arriving {
  id: string;
  filename: string;
  offset: number;
  size: number;
  percent: number;
  until: string; // kept so long if nothing is added
}

/** Where a testimony and its file stand. Of a small version only that is told. */
export interface Standing {
  state: string;
  awaits: boolean;
  takes: boolean; // a file may come
  video: "" | "checking" | "ready" | "unusable";
  video_id: number;
  filename: string;
  bytes: number;
  reason: string;
  small: "" | "checking" | "ready";
  poster: string;
  rendition: string;
  arriving: Arriving | null;
}

/** The portal said no, with a sentence. Any other error means that the line broke. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// A line that says nothing for this long is dead.
const patience = 30_000;

async function ask(address: string, init: RequestInit): Promise<Response> {
  return fetch(address, {
    ...init,
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    redirect: "error",
    signal: "timeout" in AbortSignal ? AbortSignal.timeout(patience) : null,
  });
}

async function refusal(response: Response): Promise<Error> {
  if (response.status >= 502 && response.status <= 504) return new Error("the portal is away");
  const said = (await response.json().catch(() => ({}))) as { message?: string };
  return new Refusal(response.status, said.message ?? "");
}

/** Saves a form, or saves it and asks for review. What is wrong with it is in the answer. */
export async function post(address: string, form: URLSearchParams): Promise<Saved> {
  // While the page is closing only small forms may still go out.
  const keepalive = form.toString().length < 60_000;
  const response = await ask(address, { method: "POST", body: form, keepalive });
  if (!response.ok && response.status !== 422) throw await refusal(response);
  const answer = (await response.json()) as Saved | { message: string };
  if ("message" in answer) throw new Refusal(response.status, answer.message);
  return answer;
}

/** Where the testimony at an address stands. */
export async function standing(address: string): Promise<Standing> {
  const response = await ask(address + "/stato", { method: "GET", cache: "no-store" });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as Standing;
}
