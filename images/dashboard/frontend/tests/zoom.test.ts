// Of which days and minutes a marked stretch is put together.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, span } from "../src/chart-data.ts";

const DAYS = { address: "", starts: ["2026-11-16", "2026-11-17"], ends: ["2026-11-16", "2026-11-17"], single: true };
const HOURS = {
  address: "",
  starts: ["2026-11-16", "2026-11-16T01:00", "2026-11-16T23:00"],
  ends: ["2026-11-16T00:59", "2026-11-16T01:59", "2026-11-16"],
  single: true,
};

test("days are a range of days", () => {
  assert.equal(span(DAYS, 0, 1), "2026-11-16..2026-11-17");
});

test("hours are a range of minutes, whole days of hours one of days", () => {
  assert.equal(span(HOURS, 1, 1), "2026-11-16T01:00..2026-11-16T01:59");
  assert.equal(span(HOURS, 0, 1), "2026-11-16T00:00..2026-11-16T01:59");
  assert.equal(span(HOURS, 1, 2), "2026-11-16T01:00..2026-11-16T23:59");
  assert.equal(span(HOURS, 0, 2), "2026-11-16..2026-11-16");
});

test("the range is put where the address has its place, not into a filter", () => {
  const address = "/overview?range=FROM..TO&f=path:is:FROM..TO";
  assert.equal(addressOf(address, "7d"), "/overview?range=7d&f=path:is:FROM..TO");
});

test("what the clock shows twice is no end of a range", () => {
  const twice = { address: "", starts: ["2026-11-01", ""], ends: ["2026-11-01T00:59", ""], single: true };
  assert.equal(span(twice, 1, 1), "");
  assert.equal(span(twice, 0, 1), "");
  assert.equal(span(twice, 0, 0), "2026-11-01T00:00..2026-11-01T00:59");
});
