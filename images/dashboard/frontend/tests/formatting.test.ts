// The formatter against the table of cases that its Python twin is held by too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Formatter } from "../src/formatting.ts";

type Case = [unknown[], string | null, string | null];
type Method = (...values: unknown[]) => string | null;

const table = join(process.env["REPOSITORY"] ?? ".", "tests/dashboard/formatting_cases.json");
const cases = JSON.parse(readFileSync(table, "utf8")) as Record<string, Case[]>;

for (const [kind, rows] of Object.entries(cases)) {
  for (const [values, english, korean] of rows) {
    for (const [language, text] of [["en", english], ["ko", korean]] as const) {
      test(`${kind} ${language} ${JSON.stringify(values)}`, () => {
        const formatter = new Formatter(language) as unknown as Record<string, Method>;
        const method = formatter[kind];
        assert.ok(method, `the formatter has no ${kind}`);
        assert.equal(method.apply(formatter, values), text);
      });
    }
  }
}
