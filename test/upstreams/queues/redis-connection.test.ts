import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { protectSecrets } from "../../../src/domain/own-secrets.ts";
import { OpsError } from "../../../src/errors.ts";
import { createRedisConnection } from "../../../src/upstreams/queues/kinds/redis-connection.ts";

test("a server that quotes the password in its refusal puts no part of it into an error", async () => {
  const password = "canary-of-redis-0123456789";
  protectSecrets([password]);
  let quote = "";
  const server = createServer((socket) =>
    socket.on("error", () => {}).on("data", () => socket.write(`-ERR unknown command 'AUTH', with args: ${quote}\r\n`)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `redis://:${password}@127.0.0.1:${(server.address() as AddressInfo).port}`;
  // The cause is cut at 300 characters.
  for (const length of [0, 225, 230, 235]) {
    quote = `${"x".repeat(length)} '${password}'`;
    const connection = createRedisConnection("redis", url);
    const ask = connection.ask([{ commands: [["ping"]], parse: String }], AbortSignal.timeout(3000));
    const error = await ask.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(OpsError);
    const { message, cause } = error as OpsError;
    expect(`${message} ${(cause as Error).message}`).not.toMatch(/cana|redis-0/);
    expect((cause as Error).message).toContain("unknown command");
    await connection.close();
  }
  server.close();
});
