// What happens when something new was counted: a page that waits for its first event turns into numbers, an idle
// page counts again by itself, and under somebody's pointer or keys it offers to.

import { reloadPanels, visit } from "./fragments.ts";

const QUIET_MS = 3_000; // without a movement this long nobody is reading a certain line
const EVERY_MS = 10_000; // counts again at most this often by itself

let seen = -1; // events counted when the numbers on the page were
let latest = -1;
let moved = 0;
let reloaded = 0;
let timer = 0;

export function listenToNews(): void {
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll"]) {
    document.addEventListener(kind, () => (moved = performance.now()), { passive: true, capture: true });
  }
  document.addEventListener("news", (event) => hear((event as CustomEvent<number>).detail));
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-news-button]")) reload();
  });
}

function hear(counted: number): void {
  latest = counted;
  if (document.querySelector(".waiting")) {
    if (counted > 0) visit(location.href, { sets: "*", push: false });
    seen = counted;
  } else if (seen < 0 || counted < seen) {
    seen = counted;
  } else if (counted > seen && document.querySelector("[data-running]")) {
    settle();
  }
}

function settle(): void {
  const now = performance.now();
  clearTimeout(timer);
  if (latest <= seen || document.hidden) return;
  const wait = Math.max(moved + QUIET_MS, reloaded + EVERY_MS) - now;
  if (wait <= 0) return reload();
  if (moved + QUIET_MS > now) offer();
  timer = window.setTimeout(settle, wait);
}

function reload(): void {
  reloaded = performance.now();
  seen = latest;
  document.querySelector("[data-news-button]")?.setAttribute("hidden", "");
  reloadPanels();
}

function offer(): void {
  const button = document.querySelector<HTMLElement>("[data-news-button]");
  if (!button) return;
  button.textContent = (button.dataset["template"] ?? "").replace("{count}", (latest - seen).toLocaleString("en"));
  button.hidden = false;
}
