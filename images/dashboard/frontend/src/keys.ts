// Letters without modifiers. What a key does stands in the page: `data-key` names the physical key (so that a
// Korean layout works), `data-go` the second one after G. Typing, composing and other modifiers are left alone.

import { reloadPanels } from "./fragments.ts";
import { open } from "./menus.ts";

const GO_MS = 1_200; // how long G waits for its second letter

let going = 0;

export function listenToKeys(): void {
  document.addEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || !listening(event)) return;
  if (event.key === "Escape") {
    if (open().length === 0) press("[data-clear]", event);
  } else if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) {
    event.preventDefault();
    document.querySelector<HTMLDialogElement>("#keys")?.showModal();
  } else if (event.shiftKey) {
    return;
  } else if (going && performance.now() - going < GO_MS) {
    going = 0;
    press(`[data-go="${CSS.escape(event.code)}"]`, event);
  } else if (event.code === "KeyG") {
    going = performance.now();
  } else if (event.code === "Period") {
    reloadPanels();
  } else {
    press(`[data-key="${CSS.escape(event.code)}"]`, event);
  }
}

function listening(event: KeyboardEvent): boolean {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return false;
  const target = event.target as HTMLElement;
  if (target.isContentEditable || target.closest("input, select, textarea, dialog")) return false;
  if (document.documentElement.dataset["keys"] !== "on") return false;
  return !(event.key.startsWith("Arrow") && (open().length > 0 || target.closest("[tabindex='0']")));
}

function press(selector: string, event: KeyboardEvent): void {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) return;
  event.preventDefault();
  if (found instanceof HTMLDetailsElement) {
    found.open = true;
    const first = found.querySelector<HTMLElement>(event.code === "KeyC" ? "input" : "select, input, a");
    first?.focus();
  } else {
    found.click();
  }
}
