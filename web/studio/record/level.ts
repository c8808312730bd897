// How loud the voice is, as a meter and in words.
import { must, wordsOf } from "../form/words";

// Decibels of full scale between which the meter shows, below which nothing is
// heard, and above which it distorts.
const floor = -60;
const low = -38;
const high = -3;
const fall = 3;
// Milliseconds between two words, so that they can be read.
const pace = 1_500;

export class Level {
  private context: AudioContext | null = null;
  private timer: number | undefined;

  start(stream: MediaStream): void {
    this.stop();
    const meter = must<HTMLMeterElement>("level");
    const said = must("level-said");
    const words = wordsOf(said);
    if (stream.getAudioTracks().length === 0) return;
    this.context = new AudioContext();
    void this.context.resume();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 2048;
    this.context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let loudest = floor;
    let spoken = performance.now();
    let drawn = 0;
    this.timer = window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      const loud = Math.max(floor, 10 * Math.log10(sum / samples.length + 1e-9));
      loudest = Math.max(loudest, loud);
      const now = performance.now();
      if (now - drawn > (calm.matches ? 500 : 90)) {
        drawn = now;
        // It falls slowly, so that the eye can follow.
        meter.value = Math.max(loud - floor, meter.value - fall);
      }
      if (now - spoken < pace) return;
      spoken = now;
      const word = words(loudest < low ? "low" : loudest > high ? "high" : "good");
      if (said.textContent !== word) said.textContent = word;
      loudest = floor;
    }, 60);
  }

  stop(): void {
    window.clearInterval(this.timer);
    void this.context?.close().catch(() => undefined);
    this.context = null;
  }
}
