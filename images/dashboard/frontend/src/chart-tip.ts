// The tooltip of a chart and the line it belongs to: DOM nodes and text only, since names come from visitors.

import type { ChartData } from "./chart-data.ts";
import { addressOf, moved, span, written } from "./chart-data.ts";
import type { Formatter } from "./formatting.ts";

const BESIDE_PX = 12;

export class ChartTip {
  readonly line = element("div", "chart-line");
  readonly box = element("div", "chart-tip");

  constructor(private readonly host: HTMLElement) {
    this.hide();
    host.append(this.line, this.box);
  }

  get pinned(): boolean {
    return "pinned" in this.box.dataset;
  }

  hide(): void {
    delete this.box.dataset["pinned"];
    this.box.hidden = true;
    this.line.hidden = true;
  }

  pin(): void {
    this.box.dataset["pinned"] = "";
  }

  show(data: ChartData, index: number, place: { x: number; height: number }, formatter: Formatter): void {
    this.box.replaceChildren(...contents(data, index, formatter));
    this.line.hidden = false;
    this.line.style.left = `${Math.round(place.x)}px`;
    this.line.style.height = `${place.height}px`;
    this.put(place.x);
  }

  // While a stretch is being marked: its ends, and no values.
  mark(titles: string[], x: number): void {
    this.box.replaceChildren(...titles.map((title) => text("p", "chart-tip-title", title)));
    this.line.hidden = true;
    this.put(x);
  }

  private put(x: number): void {
    this.box.hidden = false;
    const width = this.box.offsetWidth;
    const right = x + BESIDE_PX + width <= this.host.clientWidth;
    const left = right ? x + BESIDE_PX : Math.max(0, x - BESIDE_PX - width);
    this.box.style.left = `${Math.round(left)}px`;
  }
}

export function sentence(data: ChartData, index: number, formatter: Formatter): string {
  const parts = [`${data.titles[index] ?? ""}: ${data.name} ${written(data.current[index], data.kind, formatter)}`];
  if (index === data.running) parts.push(data.runningText);
  if (data.previous.length > 0) {
    parts.push(`${data.previousTitles[index] ?? data.previousName}: ${written(data.previous[index], data.kind, formatter)}`);
  }
  return parts.join(", ");
}

function contents(data: ChartData, index: number, formatter: Formatter): HTMLElement[] {
  const now = data.current[index] ?? null;
  const nodes = [text("p", "chart-tip-title", data.titles[index] ?? "")];
  nodes.push(row("current", data.name, written(now, data.kind, formatter)));
  if (data.previous.length > 0) {
    const before = data.previous[index] ?? null;
    nodes.push(row("previous", data.previousTitles[index] ?? data.previousName, written(before, data.kind, formatter)));
    if (now != null && before != null) nodes.push(text("p", "chart-tip-note", moved(now, before, data.kind, formatter)));
  }
  if (index === data.running) nodes.push(text("p", "chart-tip-note", data.runningText));
  if (data.note) nodes.push(text("p", "chart-tip-note", data.note));
  const alone = data.zoom?.single ? span(data.zoom, index, index) : "";
  if (data.zoom && alone) nodes.push(zoom(addressOf(data.zoom.address, alone), data.zoomText));
  return nodes;
}

function row(series: string, label: string, value: string): HTMLElement {
  const line = element("div", "chart-tip-row");
  const mark = element("i", "chart-tip-mark");
  mark.dataset["series"] = series;
  line.append(mark, text("span", "", label), text("strong", "", value));
  return line;
}

function zoom(address: string, label: string): HTMLElement {
  const link = document.createElement("a");
  link.className = "chart-tip-zoom";
  link.href = address;
  link.dataset["visit"] = "";
  link.textContent = label;
  return link;
}

function text(name: string, className: string, content: string): HTMLElement {
  const node = element(name, className);
  node.textContent = content;
  return node;
}

function element(name: string, className: string): HTMLElement {
  const node = document.createElement(name);
  node.className = className;
  return node;
}
