import { createClient } from "graphql-sse";

/** A subscription as a client has it: the messages so far, and its end. */
export interface Subscribed {
  readonly messages: any[];
  /** The messages of one root field, unwrapped. */
  of(field: string): any[];
  /** Resolves when the server has ended it. */
  readonly done: Promise<void>;
  leave(): Promise<void>;
}

/** Subscribes with graphql-sse, a client that people use, in its "distinct connections" mode. */
export function subscribe(
  url: string,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Subscribed {
  const client = createClient({
    url: `${url}/graphql`,
    headers: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const events = client.iterate({ query, variables });
  const messages: any[] = [];
  const done = (async () => {
    for await (const message of events) messages.push(message);
  })();
  done.catch(() => {});
  return {
    messages,
    of: (field) => messages.flatMap((message) => message.data?.[field] ?? []),
    done,
    async leave() {
      await events.return?.();
      client.dispose();
    },
  };
}
