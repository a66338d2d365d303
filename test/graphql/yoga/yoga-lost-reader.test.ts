import { ServerResponse } from "node:http";
import { expect, it, vi } from "vitest";
import { sampleContainer } from "../../support/containers.ts";
import { graphqlHeaders, startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

/** Longer than what node:http accepts for a connection that cannot be written to. */
const containers = Array.from({ length: 100 }, (_, index) =>
  sampleContainer({ name: `web-${index}`, fullId: String(index).padStart(64, "0"), image: "x".repeat(3000) }),
);

it("a reader who leaves as a long answer begins frees its place", async () => {
  const { sources } = createMemorySources({ containers });
  await using gateway = await startGateway(sources, { limits: { limitPerToken: 3, waitMs: 500 } });
  const writeHead = Reflect.get<ServerResponse, "writeHead">(ServerResponse.prototype, "writeHead");
  const leaving = vi.spyOn(ServerResponse.prototype, "writeHead").mockImplementation(function leave(
    this: ServerResponse,
    ...head
  ) {
    this.socket?.destroy();
    return writeHead.apply(this, head);
  });
  for (let index = 0; index < 4; index += 1) {
    // Each with a different document, which Yoga answers.
    const body = JSON.stringify({ query: `query Q${index} { containers { name image } }` });
    await expect(gateway.fetch("/graphql", { method: "POST", body, headers: graphqlHeaders })).rejects.toThrow(
      "fetch failed",
    );
  }
  leaving.mockRestore();
  expect((await gateway.query("{ __typename }")).status).toBe(200);
});
