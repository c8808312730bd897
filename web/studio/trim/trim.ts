// Beginning and end, chosen while looking.
import { secondsOf, Trimmer } from "../record/trimmer";
import { must } from "../form/words";

const film = must<HTMLVideoElement>("film");
const length = Number(film.dataset.length);
if (length > 0) {
  new Trimmer(film).begin(length, secondsOf(must<HTMLInputElement>("f-from").value) || 0, secondsOf(must<HTMLInputElement>("f-to").value) || 0);
}
