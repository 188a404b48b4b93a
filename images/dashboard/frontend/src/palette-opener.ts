// Opens the command palette by Ctrl+K (Command+K) and by its buttons. It is loaded when the page is idle, or at once
// when somebody wants it sooner.

interface Palette {
  toggle(): void;
}

export function listenForPalette(): void {
  const address = document.getElementById("palette")?.dataset["module"];
  if (!address) return;
  let loading: Promise<Palette> | undefined;
  const load = () => (loading ??= import(address) as Promise<Palette>);
  const toggle = () => void load().then((palette) => palette.toggle());
  document.addEventListener("keydown", (event) => {
    if (event.code !== "KeyK" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) toggle();
  });
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-opens-palette]")) toggle();
  });
  if (/Mac|iP(hone|ad)/.test(navigator.platform)) {
    for (const key of document.querySelectorAll("[data-mod-key]")) key.textContent = "⌘ K";
  }
  const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 2_000));
  idle(() => void load());
}
