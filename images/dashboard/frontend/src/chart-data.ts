// What the server hands to a chart: texts are finished, days and labels are the server's, values are raw.

import type { Formatter } from "./formatting.ts";

export type Kind = "count" | "ratio" | "share" | "duration";

export interface ChartData {
  kind: Kind;
  bars: boolean;
  name: string;
  previousName: string;
  labels: string[]; // under the axis
  strong: number[]; // labels in bold: where the date changes on hourly axes
  titles: string[]; // of the tooltip
  previousTitles: string[];
  current: (number | null)[];
  previous: (number | null)[];
  running: number; // index of the bucket that is not over, -1: none
  runningText: string;
  note: string; // the zone, on hourly data
  zooms: string[]; // addresses that show one bucket only
  zoomText: string;
}

export function written(value: number | null | undefined, kind: Kind, formatter: Formatter): string {
  if (kind === "count") return formatter.exact(value);
  if (kind === "share") return formatter.share(value);
  if (kind === "duration") return formatter.duration(value);
  return formatter.ratio(value);
}

export function onAxis(value: number, kind: Kind, formatter: Formatter): string {
  if (kind === "count") return formatter.count(value);
  if (kind === "share") return formatter.share(value);
  if (kind === "duration") return formatter.duration(value);
  return String(Math.round(value * 100) / 100);
}

export function moved(now: number | null, before: number | null, kind: Kind, formatter: Formatter): string {
  return kind === "share" ? formatter.points(now, before) : formatter.change(now, before);
}
