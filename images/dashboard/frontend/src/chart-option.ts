// A chart's data and the page's colours as an ECharts option. Pure: no element, no instance.
//
// The running bucket is dashed, which ECharts cannot do for one segment: a second series holds the last complete
// point and the running one.

import type { ECBasicOption } from "echarts/types/dist/shared";

import type { ChartData, Kind } from "./chart-data.ts";
import { onAxis } from "./chart-data.ts";
import type { Formatter } from "./formatting.ts";

export interface Colours {
  series: string;
  surface: string;
  faint: string;
  line: string;
  text: string;
  font: string;
}

type Value = number | null;
const LABEL_PX = 80; // at most one label of the axis in so many pixels
const GRID_LINES = 4; // above the axis
const ROUND = [1, 2, 2.5, 5, 10];
const SECONDS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

export function option(data: ChartData, colours: Colours, formatter: Formatter, width: number): ECBasicOption {
  return {
    animation: false,
    textStyle: { fontFamily: colours.font },
    grid: { left: 4, right: 12, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: horizontal(data, colours, width),
    yAxis: vertical(data, colours, formatter),
    series: data.bars ? barSeries(data, colours) : lineSeries(data, colours),
  };
}

function horizontal(data: ChartData, colours: Colours, width: number): object {
  const every = Math.max(1, Math.ceil((data.labels.length * LABEL_PX) / Math.max(width, 1)));
  const last = data.labels.length - 1;
  const strong = new Set(data.strong);
  const shown = strong.size > 0 && every > 1 ? (index: number) => strong.has(index) || fits(index, strong, every) : undefined;
  return {
    type: "category",
    data: data.labels.map((value, index) =>
      strong.has(index) ? { value, textStyle: { color: colours.text, fontWeight: 600 } } : value,
    ),
    boundaryGap: data.bars,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colours.line } },
    axisLabel: {
      color: colours.faint,
      fontSize: 12,
      hideOverlap: true,
      interval: shown ?? ((index: number) => (last - index) % every === 0),
      alignMinLabel: data.bars ? null : "left",
      alignMaxLabel: data.bars ? null : "right",
    },
  };
}

// Between two bold labels, every n-th one, but none close to the next bold one.
function fits(index: number, strong: Set<number>, every: number): boolean {
  let from = index;
  while (from > 0 && !strong.has(from)) from -= 1;
  if ((index - from) % every !== 0) return false;
  for (let next = index; next < index + every; next += 1) if (strong.has(next)) return false;
  return true;
}

function vertical(data: ChartData, colours: Colours, formatter: Formatter): object {
  const most = Math.max(0, ...[...data.current, ...data.previous].map((value) => value ?? 0));
  const interval = step(most, data.kind);
  return {
    type: "value",
    min: 0,
    interval,
    max: Math.max(1, Math.ceil(most / interval - 1e-9)) * interval,
    axisLabel: {
      color: colours.faint,
      fontSize: 12,
      formatter: (value: number) => onAxis(value, data.kind, formatter),
    },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

// The distance of the horizontal lines: a round number of the kind, so that there are five lines at most.
export function step(most: number, kind: Kind): number {
  const least = most / GRID_LINES;
  if (kind === "duration") return SECONDS.find((seconds) => seconds >= least) ?? Math.ceil(least / 86_400) * 86_400;
  if (kind === "count" && least <= 1) return 1;
  if (least <= 0) return 0.25;
  const power = 10 ** Math.floor(Math.log10(least));
  const whole = (factor: number) => kind !== "count" || Number.isInteger(factor * power);
  return (ROUND.find((factor) => whole(factor) && factor * power >= least * (1 - 1e-9)) ?? 10) * power;
}

function lineSeries(data: ChartData, colours: Colours): object[] {
  const complete = data.current.map((value, index) => (index === data.running ? null : value));
  const running = data.current.map((value, index) => (index >= data.running - 1 ? value : null));
  const line = { type: "line", showSymbol: false, symbol: "circle", symbolSize: 7 };
  const hollow = { color: colours.surface, borderColor: colours.series, borderWidth: 2 };
  const full = { color: colours.series, width: 2 };
  const quiet = { color: colours.series, opacity: 0.45, width: 1.5 };
  const dashed = { ...full, type: [4, 4] };
  const area = { color: wash(colours.series), opacity: 1 };
  const same = (lineStyle: object, areaStyle?: object) => ({
    lineStyle,
    itemStyle: hollow,
    emphasis: { scale: false, lineStyle, itemStyle: hollow, ...(areaStyle ? { areaStyle } : {}) },
    ...(areaStyle ? { areaStyle } : {}),
  });
  const series: object[] = [];
  if (data.previous.length > 0) series.push({ ...line, id: "previous", z: 1, data: data.previous, ...same(quiet) });
  series.push({ ...line, id: "current", z: 3, data: complete, ...same(full, area) });
  if (data.running >= 0) series.push({ ...line, id: "running", z: 3, data: running, ...same(dashed) });
  series.push({ ...line, id: "points", z: 4, showSymbol: true, data: points(data), silent: true, ...same({ width: 0 }) });
  return series;
}

// What a line alone would not show: the point that is still moving, and points between two gaps.
function points(data: ChartData): Value[] {
  const known = (index: number) => data.current[index] != null;
  return data.current.map((value, index) => {
    const alone = !known(index - 1) && !known(index + 1);
    return index === data.running || alone ? value : null;
  });
}

function barSeries(data: ChartData, colours: Colours): object[] {
  const bar = { type: "bar", barMaxWidth: 56, barMinHeight: 1, barGap: "10%", barCategoryGap: "32%" };
  const round = { borderRadius: [4, 4, 0, 0] };
  const series: object[] = [];
  if (data.previous.length > 0) {
    const itemStyle = { color: blend(colours.series, colours.surface, 0.45), ...round };
    series.push({ ...bar, id: "previous", data: data.previous, itemStyle, emphasis: { itemStyle } });
  }
  const full = { color: colours.series, ...round };
  const open = { color: blend(colours.series, colours.surface, 0.16), borderColor: colours.series, borderType: [4, 3], borderWidth: 1.5, ...round };
  series.push({
    ...bar,
    id: "current",
    data: data.current.map((value, index) => ({ value, itemStyle: index === data.running ? open : full })),
    emphasis: { itemStyle: { opacity: 0.85 } },
  });
  return series;
}

function wash(colour: string): object {
  const colorStops = [
    { offset: 0, color: fade(colour, 0.2) },
    { offset: 1, color: fade(colour, 0.01) },
  ];
  return { type: "linear", x: 0, y: 0, x2: 0, y2: 1, colorStops };
}

// Bars cover the lines behind them, so they are mixed with the surface and not transparent.
function blend(colour: string, surface: string, share: number): string {
  const [over, under] = [channels(colour), channels(surface)];
  return `rgb(${over.map((value, index) => Math.round(value * share + (under[index] ?? 0) * (1 - share))).join(", ")})`;
}

function channels(colour: string): number[] {
  return (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

function fade(colour: string, opacity: number): string {
  return colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}
