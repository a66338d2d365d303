import { computed, signal } from "@preact/signals";
import { ConsoleViewerDocument, type ConsoleViewerQuery } from "../../../generated/console.ts";
import { ask, Unreachable } from "../data/client.ts";
import { signOut, token } from "./session.ts";

type Viewer = ConsoleViewerQuery["viewer"];

/** Who is signed in; null until the gateway has accepted the token. */
export const viewer = signal<Viewer | null>(null);

/** The gateway as it answers now. */
export const server = signal<ConsoleViewerQuery["server"]>(null);

/** The version that the page was loaded from. */
let loadedVersion: string | null = null;

/** Whether the gateway is newer than the page: reload it. */
export const isOutdated = computed(
  () => server.value !== null && loadedVersion !== null && server.value.version !== loadedVersion,
);

/** Asks who holds the token. A refused token signs out; while the gateway is away it is asked again. */
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
      loadedVersion ??= data.server?.version ?? null;
      [viewer.value, server.value] = [data.viewer, data.server];
    } else signOut(failures[0]?.message ?? "The gateway did not say whose token this is.");
  } catch (error) {
    if (error instanceof Unreachable) setTimeout(() => void loadViewer(), 2000);
    else if (!(error instanceof DOMException)) throw error;
  }
}

/** What a token without the scope should say; null with it. */
export function missingScope(scope: string): string | null {
  if (!viewer.value || viewer.value.scopes.includes(scope)) return null;
  return `This token lacks the scope ${scope}`;
}
