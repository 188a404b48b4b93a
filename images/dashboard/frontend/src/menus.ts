// Menus are <details>: they open without script. Here they close again: outside, by Escape, by choosing, by another.

export function listenToMenus(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const submit = target.closest<HTMLButtonElement>("[data-menu] form[data-visit] [type=submit]");
    const chosen = target.closest("[data-menu] a") ?? (submit?.form && isComplete(submit.form) ? submit : null);
    for (const menu of open()) if (!menu.contains(target) || chosen) close(menu, Boolean(chosen));
  });
  document.addEventListener("toggle", onToggle, true);
  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", (event) => {
    for (const menu of open()) if (!menu.contains(event.target as Node)) close(menu, false);
  });
  document.addEventListener("input", onFilter);
}

// Whether it will be sent. A value is required unless the operator goes without one.
function isComplete(form: HTMLFormElement): boolean {
  const value = form.querySelector<HTMLInputElement>("[name=value]");
  const operator = form.querySelector<HTMLSelectElement>("[name=operator]")?.selectedOptions[0];
  if (value && operator) value.required = !("bare" in operator.dataset);
  return form.checkValidity();
}

export function open(): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")];
}

function close(menu: HTMLDetailsElement, focus: boolean): void {
  menu.open = false;
  if (focus) menu.querySelector("summary")?.focus({ preventScroll: true });
}

function onToggle(event: Event): void {
  const menu = event.target as HTMLDetailsElement;
  if (!menu.matches?.("[data-menu]") || !menu.open) return;
  for (const other of open()) if (other !== menu && !other.contains(menu)) close(other, false);
}

function onKey(event: KeyboardEvent): void {
  const menu = open()[0];
  if (!menu) return;
  if (event.key === "Escape") {
    event.preventDefault(); // the same key must not clear the filters too
    close(menu, true);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    step(menu, event);
  }
}

function step(menu: HTMLDetailsElement, event: KeyboardEvent): void {
  if ((event.target as Element).matches("select, input")) return;
  const items = [...menu.querySelectorAll<HTMLElement>(".menu-item")].filter((item) => item.offsetParent !== null);
  if (items.length === 0) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = event.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1;
  items.at(next % items.length)?.focus();
}

// A search field over a list: lines that do not contain its text are hidden.
function onFilter(event: Event): void {
  const field = event.target as HTMLInputElement;
  const list = field.dataset["filters"] ? document.querySelector(field.dataset["filters"]) : null;
  const wanted = field.value.trim().toLocaleLowerCase();
  for (const line of list?.children ?? []) {
    (line as HTMLElement).hidden = !line.textContent.toLocaleLowerCase().includes(wanted);
  }
}
