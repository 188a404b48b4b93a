// <chart-view data-chart="…">: draws the data it is given, follows size and theme, and lets go of everything when
// it leaves the page, whoever removed it. Arrow keys walk the buckets; a click or tap pins the tooltip.

import { install as installBars } from "echarts/lib/chart/bar/install.js";
import { install as installLines } from "echarts/lib/chart/line/install.js";
import { install as installGrid } from "echarts/lib/component/grid/installSimple.js";
import type { ECharts } from "echarts/core";
import { init, use } from "echarts/core";
import { install as installCanvas } from "echarts/lib/renderer/installCanvasRenderer.js";

import type { ChartData } from "./chart-data.ts";
import type { Colours } from "./chart-option.ts";
import { option } from "./chart-option.ts";
import { ChartTip, sentence } from "./chart-tip.ts";
import { Formatter } from "./formatting.ts";

use([installLines, installBars, installGrid, installCanvas]);

const ROLES = ["series-1", "surface", "faint", "line", "text"];

export class ChartView extends HTMLElement {
  static readonly observedAttributes = ["data-chart"];

  private chart: ECharts | undefined;
  private data: ChartData | undefined;
  private tip: ChartTip | undefined;
  private spoken: HTMLElement | undefined;
  private at = -1;
  private readonly formatter = new Formatter(document.documentElement.lang);
  private readonly sizes = new ResizeObserver(() => this.resize());
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = () => this.draw();

  connectedCallback(): void {
    const canvas = box("chart-canvas");
    this.spoken = box("unseen");
    this.spoken.setAttribute("aria-live", "polite");
    this.append(canvas, this.spoken);
    this.tip = new ChartTip(this);
    this.chart = init(canvas, null, { renderer: "canvas", width: this.clientWidth, height: this.clientHeight });
    this.sizes.observe(this);
    this.dark.addEventListener("change", this.redraw);
    document.addEventListener("themechange", this.redraw);
    document.addEventListener("click", this.onOutside);
    for (const [kind, listener] of this.listeners) this.addEventListener(kind, listener as EventListener);
    this.read();
  }

  disconnectedCallback(): void {
    this.sizes.disconnect();
    this.dark.removeEventListener("change", this.redraw);
    document.removeEventListener("themechange", this.redraw);
    document.removeEventListener("click", this.onOutside);
    for (const [kind, listener] of this.listeners) this.removeEventListener(kind, listener as EventListener);
    this.chart?.dispose();
    this.chart = undefined;
    this.replaceChildren();
  }

  attributeChangedCallback(): void {
    if (this.chart) this.read();
  }

  private read(): void {
    this.data = JSON.parse(this.dataset["chart"] ?? "null") as ChartData;
    this.leave();
    this.draw();
  }

  private draw(): void {
    if (!this.chart || !this.data || this.clientWidth === 0) return;
    this.chart.setOption(option(this.data, this.colours(), this.formatter, this.clientWidth), { notMerge: true });
  }

  private resize(): void {
    if (this.clientWidth === 0 || this.clientHeight === 0) return;
    this.chart?.resize({ width: this.clientWidth, height: this.clientHeight });
    this.leave();
    this.draw();
  }

  // Roles are written with light-dark(), so a probe's computed colour is asked, not the property's text.
  private colours(): Colours {
    const probe = box("unseen");
    this.append(probe);
    const [series = "", surface = "", faint = "", line = "", text = ""] = ROLES.map((role) => {
      probe.style.color = `var(--${role})`;
      return getComputedStyle(probe).color;
    });
    const font = getComputedStyle(probe).fontFamily;
    probe.remove();
    return { series, surface, faint, line, text, font };
  }

  private readonly listeners: [string, (event: never) => void][] = [
    ["pointermove", (event: PointerEvent) => this.onMove(event)],
    ["pointerleave", (event: PointerEvent) => this.onLeave(event)],
    ["click", (event: MouseEvent) => this.onTap(event)],
    ["keydown", (event: KeyboardEvent) => this.onKey(event)],
    ["blur", () => this.leave()],
  ];

  private onMove(event: PointerEvent): void {
    if (this.tip?.pinned && event.pointerType === "mouse") return;
    if ((event.target as Element).closest(".chart-tip")) return;
    this.show(this.nearest(event.clientX));
  }

  private onLeave(event: PointerEvent): void {
    if (event.pointerType === "mouse" && !this.tip?.pinned) this.leave();
  }

  private onTap(event: MouseEvent): void {
    if ((event.target as Element).closest("a")) return;
    const index = this.nearest(event.clientX);
    if (this.tip?.pinned && index === this.at) return this.leave();
    this.show(index);
    this.tip?.pin();
  }

  private readonly onOutside = (event: Event): void => {
    if (this.tip?.pinned && !this.contains(event.target as Node)) this.leave();
  };

  private onKey(event: KeyboardEvent): void {
    const last = (this.data?.current.length ?? 0) - 1;
    const steps: Record<string, number> = {
      ArrowLeft: this.at < 0 ? last : Math.max(0, this.at - 1),
      ArrowRight: this.at < 0 ? 0 : Math.min(last, this.at + 1),
      Home: 0,
      End: last,
    };
    const index = steps[event.key];
    if (index !== undefined) this.walk(index);
    else if (event.key === "Enter" && this.at >= 0) this.querySelector<HTMLElement>(".chart-tip-zoom")?.click();
    else if (event.key === "Escape" && this.at >= 0) this.leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private walk(index: number): void {
    this.show(index);
    if (this.spoken && this.data) this.spoken.textContent = sentence(this.data, index, this.formatter);
  }

  private nearest(clientX: number): number {
    const x = clientX - this.getBoundingClientRect().left;
    const index = this.chart?.convertFromPixel({ xAxisIndex: 0 }, x) as unknown as number;
    return Math.max(0, Math.min(Math.round(index), (this.data?.current.length ?? 1) - 1));
  }

  private show(index: number): void {
    if (!this.chart || !this.data || !this.tip || !(index >= 0)) return;
    this.unmark();
    this.at = index;
    const x = this.chart.convertToPixel({ xAxisIndex: 0 }, index) as unknown as number;
    const bottom = this.chart.convertToPixel({ yAxisIndex: 0 }, 0) as unknown as number;
    this.tip.show(this.data, index, { x, height: bottom - 8 }, this.formatter);
    this.chart.dispatchAction({ type: "highlight", dataIndex: index });
  }

  private leave(): void {
    this.unmark();
    this.tip?.hide();
  }

  private unmark(): void {
    if (this.at >= 0) this.chart?.dispatchAction({ type: "downplay", dataIndex: this.at });
    this.at = -1;
  }
}

function box(className: string): HTMLElement {
  const node = document.createElement("div");
  node.className = className;
  return node;
}
