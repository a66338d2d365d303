import type { LogLine } from "../../src/containers/logs/log.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createLogHistory } from "../../src/victorialogs/source.ts";
import { describeLogHistory } from "../contracts/log-history.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { createMemoryLogHistory } from "../support/memory-log-history.ts";
import { startVictoriaLogs, vectorEntry } from "../support/victorialogs.ts";

describeLogHistory("victorialogs", async () => {
  const standIn = await startVictoriaLogs();
  const history = createLogHistory({
    url: standIn.url,
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    timeoutMs: 60_000,
  });
  const toEntry =
    (fullId: string) =>
    ({ timestamp, stream, message }: LogLine) =>
      vectorEntry({ container_id: fullId, _time: timestamp, stream, _msg: message });
  return {
    history,
    replace: (logs) =>
      void (standIn.entries = Object.entries(logs).flatMap(([fullId, lines]) => lines.map(toEntry(fullId)))),
    async close() {
      await history.close();
      await standIn[Symbol.asyncDispose]();
    },
  };
});

describeLogHistory("memory", async () => {
  const { history, state } = createMemoryLogHistory();
  const read: typeof history.read = async (query, signal) => {
    signal.throwIfAborted();
    return history.read(query, signal);
  };
  return {
    history: { ...history, read },
    replace: (logs) => void (state.logs = new Map(Object.entries(logs))),
    close: async () => {},
  };
});
