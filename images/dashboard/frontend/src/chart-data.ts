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
  zoom: Zoom | null; // null: there is nothing smaller to show
  zoomText: string;
}

// What an address of some of the buckets is put together from; days and minutes are the server's.
export interface Zoom {
  address: string; // with `FROM..TO` as its range
  starts: string[]; // of the buckets: a day where it is the day's start, else a minute; empty: there twice
  ends: string[]; // likewise, included
  single: boolean; // whether one bucket alone shows anything
}

const ANY_RANGE = "FROM..TO";
const DAY = "2026-11-01".length;

// The range of these buckets in the words of an address: both ends are days, or both are minutes; empty where the
// clock shows an end twice, so that no words name it.
export function span(zoom: Zoom, from: number, to: number): string {
  const [start = "", end = ""] = [zoom.starts[from], zoom.ends[to]];
  if (!start || !end) return "";
  if (start.length === DAY && end.length === DAY) return `${start}..${end}`;
  return `${start.length === DAY ? `${start}T00:00` : start}..${end.length === DAY ? `${end}T23:59` : end}`;
}

export function addressOf(template: string, range: string): string {
  return template.replace(ANY_RANGE, range);
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
