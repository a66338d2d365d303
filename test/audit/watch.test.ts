import { expect, it } from "vitest";
import { watchRecord } from "../../src/audit/watch.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";

it("a record can be written if the last look said so", async () => {
  const words: string[] = [];
  const say = (_: object, text: string) => void words.push(text);
  let [asked, isFull] = [0, true];
  const check = async () => {
    asked += 1;
    if (isFull) throw new OpsError("audit_unavailable", "The disk is full");
    return null;
  };
  const watch = watchRecord({ check }, { ...silentLogger, info: say, warn: say }, 1);
  // Nothing is known before the first look.
  expect(watch.canRecord()).toBe(false);
  for (const full of [true, false, true, false]) {
    isFull = full;
    await expect.poll(() => watch.canRecord(), { interval: 1 }).toBe(!full);
    // Equal looks are one line.
    const before = asked;
    await expect.poll(() => asked, { interval: 1 }).toBeGreaterThan(before + 3);
  }
  await watch.stop();
  const [lost, back] = ["not ready for actions: no record", "ready for actions again"];
  expect(words).toEqual([lost, back, lost, back]);
});
