// The command palette: one list of what the page's links and buttons do, and of filters that the server knows, found by
// typing. A dialog with a combobox: the focus stays in the field, `aria-activedescendant` names the chosen line.

import type { Command } from "./palette-ranking.ts";
import { name, ranked, recentFirst } from "./palette-ranking.ts";

interface Suggestion {
  label: string;
  address: string;
}

const QUIET_MS = 120; // without a key this long, before the server is asked
const MOST_LINES = 60;
const MOST_RECENT = 5;
const RECENT = "recent commands";
const OWN = "[data-commands] :is(a[href], button[type=submit]), :is(a[href], dialog, details)[data-command]";

const dialog = document.querySelector<HTMLDialogElement>("#palette")!;
const field = dialog.querySelector<HTMLInputElement>("input")!;
const list = dialog.querySelector<HTMLElement>("[role=listbox]")!;
const none = dialog.querySelector<HTMLElement>("[data-none]")!;

let own: Command[] = [];
let lines: Command[] = [];
let chosen = 0;
let timer = 0;
let asking = new AbortController();

field.addEventListener("input", () => {
  draw([]);
  clearTimeout(timer);
  asking.abort();
  if (dialog.dataset["suggest"] && field.value.trim()) timer = window.setTimeout(() => void ask(), QUIET_MS);
});
field.addEventListener("keydown", onKey);
list.addEventListener("click", (event) => {
  const line = (event.target as Element).closest("[role=option]");
  if (line) run([...list.children].indexOf(line));
});
list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

export function toggle(): void {
  if (dialog.open) return dialog.close();
  own = commands();
  field.value = "";
  dialog.showModal();
  draw([]);
}

function commands(): Command[] {
  const found = new Map<string, Command>();
  for (const element of document.querySelectorAll<HTMLElement>(OWN)) {
    const place = element.closest<HTMLElement>("[data-commands]");
    const group = element.dataset["command"] ?? place?.dataset["commands"] ?? "";
    const label = element.dataset["called"] ?? said(element);
    if (element.hidden || !label) continue;
    const hint = element.querySelector("kbd")?.textContent ?? "";
    const command = { group, label, also: place?.dataset["also"] ?? "", hint, run: () => press(element) };
    if (!found.has(name(command))) found.set(name(command), command);
  }
  return [...found.values()];
}

function said(element: HTMLElement): string {
  const copy = element.cloneNode(true) as HTMLElement;
  for (const part of copy.querySelectorAll("[aria-hidden=true], [data-no-label]")) part.remove();
  return element.getAttribute("aria-label") ?? copy.textContent.replace(/\s+/g, " ").trim();
}

function press(element: HTMLElement): void {
  if (element instanceof HTMLDialogElement) return element.showModal();
  if (!(element instanceof HTMLDetailsElement)) return element.click();
  element.open = true;
  element.querySelector<HTMLElement>("select, input")?.focus();
}

async function ask(): Promise<void> {
  asking = new AbortController();
  const query = location.search.slice(1).split("&").filter(Boolean);
  const address = `${dialog.dataset["suggest"]}?${[...query, `q=${encodeURIComponent(field.value.trim())}`].join("&")}`;
  try {
    const answer = await fetch(address, { signal: asking.signal });
    if (!answer.ok) return;
    draw(((await answer.json()) as Suggestion[]).map(filter));
  } catch {
    // Left, or out of reach: what the page knows by itself is there.
  }
}

function filter({ label, address }: Suggestion): Command {
  return { group: dialog.dataset["filter"] ?? "", label, also: "", hint: "", run: () => follow(address) };
}

// As by a link, which is what the page knows how to follow.
function follow(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.dataset["visit"] = "";
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
}

function draw(suggested: Command[]): void {
  const text = field.value.trim();
  const fitting = text ? ranked(own, text) : recentFirst(own, recent());
  lines = [...fitting, ...suggested].slice(0, MOST_LINES);
  list.replaceChildren(...lines.map(line));
  none.textContent = lines.length === 0 ? (none.dataset["none"] ?? "") : "";
  choose(0);
}

function line(command: Command, at: number): HTMLElement {
  const node = part("li", "palette-line", "");
  node.id = `palette-${at}`;
  node.setAttribute("role", "option");
  node.append(part("span", "palette-group", command.group), " ", part("span", "palette-label", command.label));
  if (command.hint) node.append(" ", part("kbd", "menu-key", command.hint));
  node.querySelector("kbd")?.setAttribute("aria-hidden", "true");
  return node;
}

function part(tag: string, className: string, text: string): HTMLElement {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function choose(at: number): void {
  chosen = lines.length === 0 ? 0 : (at + lines.length) % lines.length;
  for (const [index, node] of [...list.children].entries()) node.setAttribute("aria-selected", String(index === chosen));
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
  if (lines.length > 0) field.setAttribute("aria-activedescendant", `palette-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
}

function onKey(event: KeyboardEvent): void {
  if (event.isComposing) return;
  const steps: Record<string, number> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + 8, PageUp: chosen - 8 };
  const step = steps[event.key];
  if (step !== undefined) choose(event.key.startsWith("Page") ? Math.max(0, Math.min(step, lines.length - 1)) : step);
  else if (event.key === "Enter") run(chosen);
  else return;
  event.preventDefault();
}

function run(at: number): void {
  const command = lines[at];
  if (!command) return;
  keep(command);
  dialog.close(); // the focus goes back to where it was, and from there wherever the command leads
  command.run();
}

function recent(): string[] {
  return JSON.parse(localStorage.getItem(RECENT) ?? "[]") as string[];
}

// Filters are said in full and belong to one question: they are not kept.
function keep(command: Command): void {
  if (!own.includes(command)) return;
  const names = [name(command), ...recent().filter((one) => one !== name(command))];
  localStorage.setItem(RECENT, JSON.stringify(names.slice(0, MOST_RECENT)));
}
