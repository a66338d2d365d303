import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const storageKey = "wallet-core-ops.theme";

/** The colours: those of the system, or those that the user chose. Stored on this device. */
export const theme = signal<Theme>(readTheme());

/** Call once. */
export function followTheme(): void {
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
    try {
      if (theme.value === "system") localStorage.removeItem(storageKey);
      else localStorage.setItem(storageKey, theme.value);
    } catch {
      // Storage may be forbidden: then the choice lasts as long as the page.
    }
  });
}

export function switchTheme(): void {
  theme.value = theme.value === "system" ? "light" : theme.value === "light" ? "dark" : "system";
}

function readTheme(): Theme {
  try {
    const text = localStorage.getItem(storageKey);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system";
  }
}
