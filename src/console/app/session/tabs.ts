import { sessionChannel } from "../../screens.ts";

/** The session of a tab, as other tabs of the same browser may have it. */
export interface TabSession {
  readonly token: string;
  /** As it is stored; "" where the token is never renewed. */
  readonly renewal: string;
}

/**
 * `ask`: a new tab has no session. `tell`: the answer. `renew`: `before` has been replaced. `end`:
 * somebody has signed out of it.
 */
type Message =
  | { readonly kind: "ask" }
  | ({ readonly kind: "tell" } & TabSession)
  | ({ readonly kind: "renew"; readonly before: string } & TabSession)
  | { readonly kind: "end"; readonly token: string };

/** Only pages of this origin hear it, in this browser profile. Absent in old browsers. */
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(sessionChannel);

export function post(message: Message): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target
  channel?.postMessage(message);
}

export function onMessage(handle: (message: Message) => void): void {
  channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => handle(data));
}
