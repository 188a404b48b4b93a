// What a chart is drawn as: at most five lines, gaps stay gaps, the running bucket is a series of its own.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { ChartData } from "../src/chart-data.ts";
import { option, step } from "../src/chart-option.ts";
import { Formatter } from "../src/formatting.ts";

const COLOURS = { series: "rgb(0, 0, 200)", surface: "rgb(255, 255, 255)", faint: "", line: "", text: "", font: "" };

function data(change: Partial<ChartData>): ChartData {
  const current = change.current ?? [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const labels = current.map((_, index) => `day ${index}`);
  return {
    kind: "count",
    bars: false,
    name: "Visitors",
    previousName: "Before",
    labels,
    strong: [],
    titles: labels,
    previousTitles: labels,
    current,
    previous: [],
    running: -1,
    runningText: "",
    note: "",
    zoom: null,
    zoomText: "",
    ...change,
  };
}

interface Drawn {
  yAxis: { interval: number; max: number };
  series: { id: string; data: (number | null)[] }[];
}

function drawn(change: Partial<ChartData>): Drawn {
  return option(data(change), COLOURS, new Formatter("en"), 800) as unknown as Drawn;
}

for (const kind of ["count", "ratio", "share", "duration"] as const) {
  for (const most of [0, 0.004, 0.37, 1, 3, 4, 5, 27, 99, 100, 101, 619, 9_999, 123_456, 7_654_321]) {
    test(`${kind} up to ${most} has five lines at most, and the values fit`, () => {
      const { interval, max } = drawn({ kind, current: [most] }).yAxis;
      assert.ok(interval > 0 && max >= most - 1e-9);
      assert.ok(Math.round(max / interval) + 1 <= 5, `${max} / ${interval}`);
      assert.equal(interval, step(most, kind));
    });
  }
}

test("counts are never parted", () => {
  for (let most = 1; most <= 1_000; most += 1) assert.ok(Number.isInteger(step(most, "count")), `up to ${most}`);
});

test("the running bucket is dashed from the last complete one", () => {
  const { series } = drawn({ current: [5, 6, 7, 2], running: 3 });
  const byId = Object.fromEntries(series.map((one) => [one.id, one.data]));
  assert.deepEqual(byId["current"], [5, 6, 7, null]);
  assert.deepEqual(byId["running"], [null, null, 7, 2]);
  assert.deepEqual(byId["points"], [null, null, null, 2]);
});

test("gaps are not bridged, and a lonely point is marked", () => {
  const { series } = drawn({ current: [0.4, null, 0.5, null, null, 0.3, 0.2] });
  const byId = Object.fromEntries(series.map((one) => [one.id, one.data]));
  assert.deepEqual(byId["current"], [0.4, null, 0.5, null, null, 0.3, 0.2]);
  assert.deepEqual(byId["points"], [0.4, null, 0.5, null, null, null, null]);
});

test("the compared period is one more series", () => {
  assert.deepEqual(drawn({ previous: [1, 2] }).series.map((one) => one.id), ["previous", "current", "points"]);
});
