// <chart-view data-chart="…">: draws the data it is given, follows size and theme, and lets go of everything when
// it leaves the page, whoever removed it. Arrow keys walk the buckets; a click or tap pins the tooltip; a drag, or
// arrow keys with Shift, mark a stretch to show alone, and a double click leads back.

import { install as installBars } from "echarts/lib/chart/bar/install.js";
import { install as installLines } from "echarts/lib/chart/line/install.js";
import { install as installGrid } from "echarts/lib/component/grid/installSimple.js";
import type { ECharts } from "echarts/core";
import { init, use } from "echarts/core";
import { install as installCanvas } from "echarts/lib/renderer/installCanvasRenderer.js";

import type { Marked } from "./chart-band.ts";
import { ChartBand } from "./chart-band.ts";
import type { ChartData } from "./chart-data.ts";
import { addressOf, span } from "./chart-data.ts";
import type { Colours } from "./chart-option.ts";
import { option } from "./chart-option.ts";
import { ChartTip, sentence } from "./chart-tip.ts";
import { Formatter } from "./formatting.ts";
import type { ZoomBack } from "./zoom-back.ts";

use([installLines, installBars, installGrid, installCanvas]);

const ROLES = ["series-1", "surface", "faint", "line", "text"];

export class ChartView extends HTMLElement {
  static readonly observedAttributes = ["data-chart"];

  private chart: ECharts | undefined;
  private data: ChartData | undefined;
  private tip: ChartTip | undefined;
  private band: ChartBand | undefined;
  private dragged = false; // the click that ends a drag is none
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
    this.band = new ChartBand(this);
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
    ["pointerdown", (event: PointerEvent) => this.onPress(event)],
    ["pointermove", (event: PointerEvent) => this.onMove(event)],
    ["pointerup", () => this.onRelease()],
    ["pointercancel", () => this.leave()],
    ["pointerleave", (event: PointerEvent) => this.onLeave(event)],
    ["click", (event: MouseEvent) => this.onTap(event)],
    ["dblclick", (event: MouseEvent) => this.onDouble(event)],
    ["keydown", (event: KeyboardEvent) => this.onKey(event)],
    ["blur", () => this.leave()],
  ];

  private onPress(event: PointerEvent): void {
    this.dragged = false;
    if (this.data?.zoom && !(event.target as Element).closest(".chart-tip")) this.band?.press(event, this.nearest(event.clientX));
  }

  private onRelease(): void {
    if (!this.band?.dragging) return this.band?.clear();
    this.dragged = true;
    this.zoomIn();
  }

  private onMove(event: PointerEvent): void {
    if (this.band?.drag(event, this.nearest(event.clientX))) {
      this.unmark();
      return this.mark();
    }
    if (this.tip?.pinned && event.pointerType === "mouse") return;
    if ((event.target as Element).closest(".chart-tip")) return;
    this.show(this.nearest(event.clientX));
  }

  private onLeave(event: PointerEvent): void {
    if (event.pointerType === "mouse" && !this.tip?.pinned) this.leave();
  }

  private onTap(event: MouseEvent): void {
    const link = (event.target as Element).closest("a");
    if (link?.matches(".chart-tip-zoom")) this.remember({ from: this.at, to: this.at });
    if (link || this.dragged) return;
    const index = this.nearest(event.clientX);
    if (this.tip?.pinned && index === this.at) return this.leave();
    this.show(index);
    this.tip?.pin();
  }

  private onDouble(event: MouseEvent): void {
    if (!(event.target as Element).closest(".chart-tip")) this.zoomBack?.back();
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
    if (index !== undefined && event.shiftKey && this.data?.zoom) this.widen(index);
    else if (index !== undefined) this.walk(index);
    else if (event.key === "Enter" && this.band?.marked) this.zoomIn();
    else if (event.key === "Enter" && this.at >= 0) this.querySelector<HTMLElement>(".chart-tip-zoom")?.click();
    else if (event.key === "Escape" && (this.at >= 0 || this.band?.marked)) this.giveUp();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private giveUp(): void {
    this.dragged = this.band?.dragging ?? false;
    this.leave();
  }

  private widen(index: number): void {
    this.band?.extend(this.at < 0 ? index : this.at, index);
    this.unmark();
    this.at = index;
    this.mark();
    if (this.spoken) this.spoken.textContent = this.titles().join(" – ");
  }

  // What is marked, over the plot; beside it its ends are named.
  private mark(): void {
    const marked = this.band?.marked;
    if (!this.chart || !this.data || !this.tip || !marked) return;
    const at = (index: number) => this.chart?.convertToPixel({ xAxisIndex: 0 }, index) as unknown as number;
    const last = this.data.current.length - 1;
    const half = (at(1) - at(0)) / 2;
    const beyond = this.data.bars ? half : 0; // where the plot ends, seen from its outermost buckets
    const left = Math.max(at(marked.from) - half, at(0) - beyond);
    const right = Math.min(at(marked.to) + half, at(last) + beyond);
    const bottom = this.chart.convertToPixel({ yAxisIndex: 0 }, 0) as unknown as number;
    this.band?.draw(left, right, bottom - 8);
    this.tip.hide();
    this.tip.mark(this.titles(), right);
  }

  private titles(): string[] {
    const { from, to } = this.band?.marked ?? { from: 0, to: 0 };
    const titles = this.data?.titles ?? [];
    return from === to ? [titles[from] ?? ""] : [titles[from] ?? "", titles[to] ?? ""];
  }

  private get zoomBack(): ZoomBack | null | undefined {
    return this.closest("figure")?.querySelector<ZoomBack>("zoom-back");
  }

  private remember(marked: Marked): void {
    if (this.data?.zoom) this.zoomBack?.remember(span(this.data.zoom, marked.from, marked.to));
  }

  // Goes there as by a link, which is what the page knows how to follow. All of the buckets are no smaller stretch.
  private zoomIn(): void {
    const marked = this.band?.marked;
    const zoom = this.data?.zoom;
    this.leave();
    if (!marked || !zoom || marked.to - marked.from === zoom.starts.length - 1) return;
    const range = span(zoom, marked.from, marked.to);
    if (!range) return;
    this.remember(marked);
    const link = document.createElement("a");
    link.href = addressOf(zoom.address, range);
    link.dataset["visit"] = "";
    link.hidden = true;
    this.append(link);
    link.click();
    link.remove();
  }

  private walk(index: number): void {
    this.band?.clear();
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
    this.band?.clear();
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
