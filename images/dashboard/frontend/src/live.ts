// <live-count>: visitors right now, from the page's one event stream. The stream carries counts and versions, no
// data: what is new is told to the page as a `news` event. It rests while the tab is hidden. A stream says nothing of why
// it cannot be had; the page's own fragment does, and sends whoever is not signed in any more to where they can be.

import { leaveIfSignedOut } from "./fragments.ts";

interface Message {
  online: number;
  counted: number;
}

const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 20_000];
const LOST_AFTER_MS = 3_000;

export class LiveCount extends HTMLElement {
  private source: EventSource | undefined;
  private timer = 0;
  private lost = 0;
  private failures = 0;
  private readonly onVisibility = () => (document.hidden ? this.pause() : this.connect());

  connectedCallback(): void {
    document.addEventListener("visibilitychange", this.onVisibility);
    window.addEventListener("pagehide", this.onHide);
    if (!document.hidden) this.connect();
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    window.removeEventListener("pagehide", this.onHide);
    this.pause();
  }

  private readonly onHide = () => this.pause();

  private connect(): void {
    this.close();
    const address = this.dataset["stream"];
    if (!address) return;
    this.source = new EventSource(address);
    this.source.addEventListener("live", (event) => this.show(JSON.parse(event.data) as Message));
    this.source.addEventListener("error", () => this.retry());
  }

  private pause(): void {
    this.close();
    this.found();
  }

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }

  private retry(): void {
    this.close();
    this.lost ||= window.setTimeout(() => this.showLost(), LOST_AFTER_MS);
    if (this.failures === 1) void leaveIfSignedOut();
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.timer = window.setTimeout(() => this.connect(), wait);
  }

  private found(): void {
    clearTimeout(this.lost);
    this.lost = 0;
    this.failures = 0;
  }

  private showLost(): void {
    const now = new Date();
    const clock = `${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`;
    this.write("lost", (this.dataset["lost"] ?? "").replace("{time}", clock));
  }

  private show(message: Message): void {
    this.found();
    const template = (message.online === 1 ? this.dataset["one"] : this.dataset["other"]) ?? "";
    this.write(message.online > 0 ? "live" : "idle", template.replace("{count}", message.online.toLocaleString("en")));
    this.dispatchEvent(new CustomEvent("news", { detail: message.counted, bubbles: true }));
  }

  private write(state: string, text: string): void {
    this.dataset["state"] = state;
    const place = this.querySelector(".live-text");
    if (place && place.textContent !== text) place.textContent = text;
  }
}
