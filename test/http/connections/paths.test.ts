import { once } from "node:events";
import { fstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { findRepeated, watchPaths } from "../../../src/http/connections/paths.ts";

const stack: (() => void)[] = [];
afterEach(() => stack.splice(0).forEach((close) => close()));

/** A real connection, with the inode of its server's end. */
async function open(): Promise<{ readonly socket: Socket; readonly inode: string }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  stack.push(
    () => [client, socket].forEach((one) => one.destroy()),
    () => void server.close(),
  );
  const { fd } = Reflect.get(socket, "_handle") as { fd: number };
  return { socket, inode: String(fstatSync(fd).ino) };
}

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const toRow = (inode: string, repeats: number) =>
  `   7: 0100007F:1F90 0100007F:C2A4 01 00000120:00000000 01:00000A2B ${repeats.toString(16).padStart(8, "0").toUpperCase()}     0        0 ${inode} 2 000000007d6aca3f 20 4 30 10 -1\n`;

/**
 * Watches a connection whose repetitions are those of each look in turn; the last one stays.
 * Returns whether it was given up.
 */
async function look(...counts: readonly number[]): Promise<{ readonly lost: number; readonly looks: number }> {
  const { socket, inode } = await open();
  let [looks, lost] = [0, 0];
  const readTables = async () => {
    const count = counts[Math.min(looks, counts.length - 1)] ?? 0;
    looks += 1;
    return [head + toRow("1", 9) + toRow(inode, count), ""];
  };
  const stop = watchPaths({ lostPathMs: 90, readTables }).watch(socket, () => (lost += 1));
  await expect.poll(() => lost > 0 || looks > counts.length + 20).toBe(true);
  stop();
  return { lost, looks };
}

describe("a connection", () => {
  it("is lost when its bytes are repeated for too long", async () => {
    const { lost, looks } = await look(1, 2, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5, 6);
    expect(lost).toBe(1);
    // Not before its time: 90 ms are nine looks.
    expect(looks).toBeGreaterThan(5);
  });

  it("is not lost while it goes on again and again", async () => {
    expect((await look(1, 2, 0, 1, 2, 0, 1, 0, 1, 2, 1, 2, 1, 0)).lost).toBe(0);
  });

  it("that waits for nothing is not lost", async () => {
    expect((await look(0)).lost).toBe(0);
  });
});

it("the tables of this machine have the sockets that are open", async () => {
  const { inode } = await open();
  const table = await readFile("/proc/net/tcp", "latin1");
  // With a repetition in its row, it is found.
  const row = table.split("\n").find((line) => line.includes(` ${inode} `)) ?? "";
  const repeated = row.replace(/^((?:\s*\S+){6}\s+)0{8}/, "$10000000A");
  expect(findRepeated([table]).has(inode)).toBe(false);
  expect(findRepeated([table.replace(row, repeated)]).get(inode)).toBe(10);
  const asked = row.replace(/^((?:\s*\S+){8}\s+)0/, "$16");
  expect(findRepeated([table.replace(row, asked)]).get(inode)).toBe(6);
});
