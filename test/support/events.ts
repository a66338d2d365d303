/** One server-sent event; `data` is parsed. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: any;
}

/** The events of an open answer, as they come. Comments are left out. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  let text = "";
  for await (const part of (response.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
  )) {
    text += part;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1] ?? null;
      const data = field("data");
      const event = field("event");
      if (event !== null || data !== null)
        yield { event: event ?? "message", id: field("id"), data: data ? JSON.parse(data) : null };
    }
  }
}
