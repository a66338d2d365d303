import { signal } from "@preact/signals";
import { ConsoleViewerDocument, type ConsoleViewerQuery } from "../../../generated/console.ts";
import { answerMs } from "../../../client/question.ts";
import { OpsError } from "../../../client/error.ts";
import { ask, lostConnection } from "../data/client.ts";
import { noteAccepted, signOut, token } from "./session.ts";

type Viewer = ConsoleViewerQuery["viewer"];

/** Who is signed in; null until the gateway has accepted the token. */
export const viewer = signal<Viewer | null>(null);

/** The gateway as it answers now. */
export const server = signal<ConsoleViewerQuery["server"]>(null);

/** Whether the gateway has another page than this one: reload it. */
export const isOutdated = signal(false);

/** Time between two checks of the gateway's page, ms. */
const pageCheckMs = 300_000;

/**
 * Checks regularly, and after each lost connection, whether the gateway's page still loads this
 * script. Call once.
 */
export function watchForNewPage(): void {
  const script = document.querySelector("script[src]")?.getAttribute("src") ?? "";
  const look = async () => {
    if (document.hidden || isOutdated.value) return;
    try {
      const response = await fetch("/", {
        headers: { accept: "text/html" },
        credentials: "omit",
        signal: AbortSignal.timeout(answerMs),
      });
      if (response.ok) isOutdated.value = !(await response.text()).includes(script);
    } catch {
      // The next check comes later.
    }
  };
  setInterval(() => void look(), pageCheckMs);
  let wasLost = false;
  lostConnection.subscribe((lost) => {
    if (wasLost && lost === null) {
      void look();
      void loadViewer();
    }
    wasLost = lost !== null;
  });
}

/**
 * Asks who holds the token. A refused token signs out; while the gateway is away, this retries.
 */
export async function loadViewer(): Promise<void> {
  const asked = token.value;
  if (asked === null) {
    viewer.value = null;
    return;
  }
  try {
    const { data, failures } = await ask(ConsoleViewerDocument, {});
    if (token.value !== asked) return;
    if (data) {
      noteAccepted();
      [viewer.value, server.value] = [data.viewer, data.server];
    } else signOut(failures[0]?.message ?? "The gateway did not return the owner of this token.");
  } catch (error) {
    if (error instanceof OpsError) setTimeout(() => void loadViewer(), 2000);
    else if (!(error instanceof DOMException)) throw error;
  }
}

/** What a token without the scope should say; null with it. */
export function missingScope(scope: string): string | null {
  if (!viewer.value || viewer.value.scopes.includes(scope)) return null;
  return `This token lacks the scope ${scope}`;
}
