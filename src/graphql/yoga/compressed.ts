import type { Plugin } from "graphql-yoga";
import { encodeReply } from "../../http/compression.ts";

const json = /^application\/(?:graphql-response\+)?json\b/;

/** Compresses the answers that Yoga writes, as the edge compresses all others. */
export function useCompression(): Plugin {
  return {
    async onResponse(payload) {
      const { request, response, fetchAPI } = payload;
      if (!json.test(response.headers.get("content-type") ?? "")) return;
      // Yoga's headers keep the case in which they were set.
      const given = [...response.headers].map(([name, value]) => [name.toLowerCase(), value] as const);
      const { "content-length": _, ...headers } = Object.fromEntries(given);
      const { status } = response;
      const reply = { status, headers, body: await response.text() };
      const encoded = await encodeReply(reply, request.headers.get("accept-encoding") ?? undefined);
      if (encoded === reply) return;
      const body = Buffer.from(encoded.body);
      const length = String(body.length);
      payload.setResponse(
        new fetchAPI.Response(body, { status, headers: { ...encoded.headers, "content-length": length } }),
      );
    },
  };
}
