// Short notices at the bottom, with one thing to do at most, and buttons that copy.

const SHOWN_MS = 10_000;
const COPIED_MS = 2_000;

interface Options {
  label?: string;
  run?: () => void;
  key?: string; // a second notice with this key replaces the first
}

export function toast(text: string, options: Options = {}): void {
  const place = document.getElementById("toasts");
  if (!place) return;
  if (options.key) place.querySelector(`[data-toast="${options.key}"]`)?.remove();
  const notice = document.createElement("div");
  notice.className = "toast";
  if (options.key) notice.dataset["toast"] = options.key;
  notice.append(text);
  if (options.label && options.run) notice.append(action(options.label, options.run, notice));
  place.append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

function action(label: string, run: () => void, notice: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", () => {
    notice.remove();
    run();
  });
  return button;
}

export function listenToCopies(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-copy]");
    const source = button ? document.querySelector(button.dataset["copy"] ?? "") : null;
    if (button && source) void copy(button, source);
  });
}

async function copy(button: HTMLButtonElement, source: Element): Promise<void> {
  const text = source.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection()?.selectAllChildren(source); // no permission: selected, so that one key copies it
    return;
  }
  const label = button.querySelector("span");
  const before = label?.textContent ?? "";
  const done = button.dataset["done"] ?? "";
  if (!label || before === done) return;
  label.textContent = done;
  toast(done, { key: "copied" });
  setTimeout(() => (label.textContent = before), COPIED_MS);
}
