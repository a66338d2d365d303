import { expect, it } from "vitest";
import { createSqlControl } from "../../../src/upstreams/queues/control/sql-control.ts";

it("verifies each statement that may be run, those for an error group too, and runs none of them", async () => {
  const explained: (readonly string[])[] = [];
  const control = createSqlControl({
    source: "s",
    table: "t",
    id: null,
    missing: "",
    statements: {
      change: (action, { jobId }, onlyFailed) => (action === "retry" ? `retry ${jobId} ${onlyFailed}` : `discard ${jobId}`),
      look: ({ jobId }) => `look ${jobId}`,
    },
    database: {
      run: async (statements) => {
        explained.push(statements);
        return [];
      },
      close: async () => {},
    },
  });
  await control.verify();
  expect(explained).toStrictEqual([["explain retry 0 false", "explain retry 0 true", "explain discard 0", "look 0"]]);
});
