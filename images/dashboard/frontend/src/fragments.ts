// The only file that knows htmx: links and forms that change the view, panels that load by themselves, history.
//
// A view change asks the page's fragment for its new head, chips and panel addresses and morphs them in; htmx then
// loads the panels whose address became another, and leaves the rest alone. Nothing here makes an address: links
// carry finished ones, except for the keys that belong to one part of the page (`LOCAL`), which are kept as they
// are unless the link sets them itself.

import htmx from "htmx.org";

import { toast } from "./toasts.ts";

const LOCAL = /^(m|view|tab\.[^=]*)=/;
const SKELETON_MS = 300; // once a skeleton can be seen it stays this long, so that it does not flash
const SKELETON_AFTER_MS = 150;
const SLOW_MS = 5_000;
const RETRY_MS = [5_000, 10_000, 20_000, 30_000]; // after which failed panels are asked again, the last one for good
const OLDER_FOR_S = 600; // how old the numbers may be that a panel shows until the right ones are there

const running = new WeakMap<Element, number>();
const slow = new WeakMap<Element, number>();
let retrying = 0;
let retries = 0;
let removed = -1; // the place of the filter that is being removed

export function listenToFragments(): void {
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  document.addEventListener("htmx:before:request", onRequest);
  document.addEventListener("htmx:finally:request", onEnd);
  document.addEventListener("htmx:after:swap", onSwap);
  document.addEventListener("htmx:error", onFailure);
  document.addEventListener("htmx:before:history:restore", onRestore);
  htmx.registerExtension("keep-open", { htmx_before_morph_attr: keepOpen });
  openDrawers();
}

export function visit(address: string, options: { sets?: string | undefined; push?: boolean } = {}): void {
  const main = document.getElementById("main");
  const url = new URL(address, location.href);
  const fragment = main?.dataset["fragment"];
  if (!main || !fragment || url.pathname !== location.pathname) {
    location.assign(url);
    return;
  }
  const query = withLocal(url.search, options.sets);
  const push = options.push === false ? {} : { push: url.pathname + query };
  void htmx.ajax("GET", fragment + query, { source: main, target: main, swap: "innerMorph", ...push });
}

export function reloadPanels(): void {
  for (const panel of document.querySelectorAll("[data-panel]")) htmx.trigger(panel, "reload", {}, false);
}

// Asks for what a change of the view would ask for, and only looks whether the answer sends the page to the sign-in.
export async function leaveIfSignedOut(): Promise<void> {
  const fragment = document.getElementById("main")?.dataset["fragment"];
  if (!fragment) return;
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  const answer = await fetch(fragment + location.search, { headers }).catch(() => undefined);
  const target = answer?.status === 401 ? answer.headers.get("HX-Redirect") : null;
  if (target) location.assign(target);
}

function withLocal(search: string, sets: string | undefined): string {
  if (sets === "*") return search;
  const own = (part: string) => sets !== undefined && part.startsWith(`${sets}=`);
  const given = search.slice(1).split("&").filter((part) => part && (!LOCAL.test(part) || own(part)));
  const kept = location.search.slice(1).split("&").filter((part) => LOCAL.test(part) && !own(part));
  const query = [...given, ...kept].join("&");
  return query ? `?${query}` : "";
}

function onClick(event: MouseEvent): void {
  const target = event.target as Element;
  if (target.closest("[data-retry]")) retryPanels("[data-retry]");
  const link = target.closest<HTMLAnchorElement>("a[data-visit]");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const before = location.pathname + location.search;
  const { exclude, sets, clear, undo } = link.dataset;
  if ("close" in link.dataset) link.closest("dialog")?.close(); // which gives the focus back to what opened it
  removed = link.matches(".chip-remove, .chips-clear") ? Math.max(0, chips().indexOf(link)) : -1;
  visit(event.altKey && exclude ? exclude : link.href, { sets });
  if (clear && undo) toast(clear, { label: undo, run: () => visit(before, { sets: "*" }) });
}

function onSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (!form.matches("form[data-visit]")) return;
  event.preventDefault();
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) query.append(name, String(value));
  visit(`${form.getAttribute("action") ?? ""}?${query}`);
}

interface Asked {
  target?: Element | string | null;
  sourceElement?: Element;
  sourceEvent?: Event;
  request?: { headers: Record<string, string> };
  fetch?: typeof fetch;
}

function asked(event: Event): { asked: Asked; panel: HTMLElement | null } {
  const context = (event as CustomEvent<{ ctx?: Asked }>).detail.ctx ?? {};
  const panel = context.target instanceof HTMLElement && context.target.matches("[data-panel]") ? context.target : null;
  return { asked: context, panel };
}

function onRequest(event: Event): void {
  const { asked: context, panel } = asked(event);
  if (!panel) return;
  running.set(panel, (running.get(panel) ?? 0) + 1);
  panel.setAttribute("aria-busy", "true");
  clearTimeout(slow.get(panel));
  slow.set(panel, window.setTimeout(() => panel.setAttribute("data-slow", ""), SLOW_MS));
  if (panel.querySelector("[data-skeleton]")) context.fetch = unflashing;
  // What a panel shows while it reloads is older numbers already; one of another view takes them for a moment.
  if (context.request && context.sourceEvent?.type !== "reload") {
    context.request.headers["Cache-Control"] = `max-stale=${OLDER_FOR_S}`;
  }
}

async function unflashing(...request: Parameters<typeof fetch>): Promise<Response> {
  const start = performance.now();
  const answer = await fetch(...request);
  const taken = performance.now() - start;
  const rest = taken < SKELETON_AFTER_MS ? 0 : SKELETON_AFTER_MS + SKELETON_MS - taken;
  if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  return answer;
}

function onEnd(event: Event): void {
  const { panel } = asked(event);
  if (!panel) return;
  const left = Math.max(0, (running.get(panel) ?? 1) - 1);
  running.set(panel, left);
  if (left > 0) return;
  panel.removeAttribute("aria-busy");
  if (panel.querySelector("[data-passing]")) retryLater();
  else if (!document.querySelector("[data-passing]")) retries = 0;
  panel.removeAttribute("data-slow");
  clearTimeout(slow.get(panel));
  // Not at once: for htmx this request goes on until its listeners have returned.
  if (panel.querySelector("[data-refreshing]")) setTimeout(() => htmx.trigger(panel, "reload", {}, false));
}

function onSwap(event: Event): void {
  const { panel } = asked(event);
  if (panel) return showFreshness(panel);
  openDrawers();
  focusNextFilter();
}

// Panels that failed come back by themselves, ever more seldom, as long as somebody sees the page.
function retryLater(): void {
  if (retrying) return;
  const wait = RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)];
  retrying = window.setTimeout(() => {
    retrying = 0;
    const again = () => retryPanels("[data-passing]");
    if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
    else again();
  }, wait);
}

function retryPanels(failed: string): void {
  for (const panel of document.querySelectorAll(`[data-panel]:has(${failed})`)) htmx.trigger(panel, "reload", {}, false);
}

function chips(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(".chip-remove")];
}

// The filter that had the focus is gone: the next one gets it, after the last one the menu that adds another.
function focusNextFilter(): void {
  const at = removed;
  removed = -1;
  if (at < 0 || document.activeElement !== document.body) return;
  const next = chips().slice(0, at + 1).at(-1) ?? document.querySelector<HTMLElement>("#filters > summary");
  next?.focus({ preventScroll: true });
}

// Whether a drawer is there is the address's business, that it is open the browser's: a morph must not close it. Nor a
// panel's menu, when the panel counts anew under it.
function keepOpen(element: Element, detail: { attrName: string }): boolean {
  return !(element.matches("dialog, [data-stays]") && detail.attrName === "open");
}

function openDrawers(): void {
  for (const drawer of document.querySelectorAll<HTMLDialogElement>("dialog[data-modal]:not([open])")) {
    drawer.addEventListener("cancel", (event) => {
      event.preventDefault();
      drawer.querySelector<HTMLElement>("[data-close]")?.click();
    });
    drawer.addEventListener("click", (event) => {
      if (event.target === drawer) drawer.querySelector<HTMLElement>("[data-close]")?.click();
    });
    drawer.showModal();
  }
}

// The foot says when the numbers were counted and how long the slowest of them took.
function showFreshness(panel: Element): void {
  const place = document.querySelector<HTMLElement>("[data-freshness]");
  const body = panel.querySelector<HTMLElement>(".panel-body[data-took]");
  if (!place || !body) return;
  const bodies = [...document.querySelectorAll<HTMLElement>(".panel-body[data-took]")];
  const slowest = Math.max(...bodies.map((one) => Number(one.dataset["took"])));
  const template = place.dataset["template"] ?? "";
  place.textContent = template.replace("{time}", body.dataset["at"] ?? "").replace("{duration}", String(slowest));
}

// The server did not answer at all: what the panel had stays, a panel without anything says so.
function onFailure(event: Event): void {
  const { panel } = asked(event);
  const template = document.querySelector<HTMLTemplateElement>("#panel-failed");
  if (!panel || !template) return;
  const skeleton = panel.querySelector("[data-skeleton]");
  const title = panel.querySelector(".card-head");
  if (skeleton) panel.replaceChildren(...(title ? [title] : []), template.content.cloneNode(true));
  else toast(template.content.querySelector("p")?.textContent ?? "", { key: "failed" });
}

function onRestore(event: Event): void {
  event.preventDefault();
  const main = document.getElementById("main");
  if (main?.dataset["fragment"]) visit(location.href, { sets: "*", push: false });
  else location.reload();
}
