// <zoom-back>: one step back out of a stretch that was marked on the chart, as a link. It knows the ranges from which
// this tab came, also after a reload; an address that was not reached by marking has no way back.

import { addressOf } from "./chart-data.ts";

interface Step {
  range: string;
  by: string;
  to: string; // the range that was marked
}

const MOST_STEPS = 50;

export class ZoomBack extends HTMLElement {
  static readonly observedAttributes = ["data-address", "data-range"];

  connectedCallback(): void {
    this.show();
  }

  attributeChangedCallback(): void {
    this.show();
  }

  // Called before the page goes to a marked range.
  remember(to: string): void {
    const { range = "", by = "" } = this.dataset;
    if (range === to) return;
    const steps = [...this.walked(), { range, by, to }].slice(-MOST_STEPS);
    sessionStorage.setItem(this.place, JSON.stringify(steps));
  }

  back(): void {
    if (!this.link?.hidden) this.link?.click();
  }

  private get place(): string {
    return `zoom ${location.pathname}`;
  }

  private get link(): HTMLAnchorElement | null {
    return this.querySelector("a");
  }

  // The steps that led to the range of now; none when it was chosen otherwise.
  private walked(): Step[] {
    const steps = JSON.parse(sessionStorage.getItem(this.place) ?? "[]") as Step[];
    return steps.slice(0, steps.findLastIndex((step) => step.to === this.dataset["range"]) + 1);
  }

  private show(): void {
    const { link } = this;
    if (!link) return;
    const step = this.walked().at(-1);
    if (step) {
      link.href = addressOf(this.dataset["address"] ?? "", step.range) + (step.by ? `&by=${step.by}` : "");
    } else if (document.activeElement === link) {
      this.closest("figure")?.querySelector<HTMLElement>("chart-view")?.focus({ preventScroll: true });
    }
    link.hidden = !step;
  }
}
