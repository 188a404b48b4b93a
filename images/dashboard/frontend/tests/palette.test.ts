// Which commands a text means, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Command } from "../src/palette-ranking.ts";
import { ranked, recentFirst } from "../src/palette-ranking.ts";

function command(group: string, label: string, also = ""): Command {
  return { group, label, also, hint: "", run: () => undefined };
}

const ALL = [
  command("Range", "Last 7 days", "past"),
  command("Range", "Last 28 days", "past"),
  command("Pages", "Top"),
  command("Theme", "Dark"),
  command("Projects", "Darkroom at last"),
];
const labels = (found: Command[]) => found.map((one) => one.label);

test("a name that begins so comes before one that has it", () => {
  assert.deepEqual(labels(ranked(ALL, "last")), ["Last 7 days", "Last 28 days", "Darkroom at last"]);
});

test("all words must occur, in the group, the name or what it is called too", () => {
  assert.deepEqual(labels(ranked(ALL, "RANGE  28")), ["Last 28 days"]);
  assert.deepEqual(labels(ranked(ALL, "past 7")), ["Last 7 days"]);
  assert.deepEqual(labels(ranked(ALL, "pages dark")), []);
});

test("Korean is found however it was typed", () => {
  const found = ranked([command("기간", "최근 28일", "지난")], "지난 28일".normalize("NFD"));
  assert.deepEqual(labels(found), ["최근 28일"]);
});

test("what was chosen last comes first, the rest as it was", () => {
  const found = recentFirst(ALL, ["Theme: Dark", "Pages: Top", "Gone: Gone"]);
  assert.deepEqual(labels(found), ["Dark", "Top", "Last 7 days", "Last 28 days", "Darkroom at last"]);
});
