// Theme, language and keys: the form works without script; with it the theme changes without a reload.

export function listenToPreferences(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const button = event.submitter as HTMLButtonElement | null;
    if (!form.matches("[data-preferences]") || !button || button.name === "language") return;
    event.preventDefault();
    void save(form, button);
  });
}

async function save(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  apply(button.name, button.value);
  const body = new URLSearchParams({ [button.name]: button.value, back: "/" });
  // Kept alive: who chooses and leaves the page at once has chosen all the same.
  await fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => undefined);
}

function apply(name: string, value: string): void {
  const root = document.documentElement;
  root.dataset[name] = value;
  for (const button of document.querySelectorAll<HTMLButtonElement>(`[data-preferences] button[name="${name}"]`)) {
    button.setAttribute("aria-pressed", String(button.value === value));
  }
  if (name !== "theme") return;
  const scheme = document.querySelector<HTMLMetaElement>('meta[name="color-scheme"]');
  if (scheme) scheme.content = value === "system" ? "light dark" : value;
  document.dispatchEvent(new CustomEvent("themechange"));
}
