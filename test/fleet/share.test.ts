import { describe, expect, it } from "vitest";
import { createByteShare, createRowShare } from "../../src/fleet/share.ts";
import { Budget, defaultLimits } from "../../src/lib/budget/budget.ts";
import { OpsError } from "../../src/lib/errors.ts";

/** Three regions that share, and which of them have failed. */
function begin(share: ReturnType<typeof createRowShare>) {
  const failed: string[] = [];
  const open = (name: string) => share.begin(({ code }) => void failed.push(`${name} ${code}`));
  return { eu: open("eu"), us: open("us"), ap: open("ap"), failed };
}

/** Bytes of a budget that has so much memory. */
function shareBytes(memory: number) {
  const counted: number[] = [];
  let held = 0;
  const hold = (bytes: number) => {
    if (held + bytes > memory) throw new OpsError("overloaded", "full");
    held += bytes;
  };
  const share = createByteShare({
    maxBytes: 100,
    hold,
    free: (bytes) => (held -= bytes),
    text: (bytes) => counted.push(bytes),
  });
  return { share, counted, held: () => held };
}

describe("bytes", () => {
  it("of the region that has most go first, in any order", () => {
    const { share, counted, held } = shareBytes(1000);
    const { eu, us, ap, failed } = begin(share);
    share.add(eu, 60);
    share.add(us, 30);
    share.add(ap, 20);
    expect(failed).toEqual(["eu answer_too_large"]);
    expect(() => share.add(eu, 1)).toThrow(/larger than/);
    expect(() => share.add(ap, 51)).toThrow(/larger than/);
    expect(failed).toEqual(["eu answer_too_large", "ap answer_too_large"]);
    share.end();
    expect([counted, held()]).toEqual([[30], 60]);
  });

  it("of the region that has most go first when memory is used up", () => {
    const { share, counted, held } = shareBytes(160);
    const { eu, us, ap, failed } = begin(share);
    share.add(eu, 60);
    share.add(us, 10);
    share.add(ap, 20);
    share.add(us, 1);
    expect(failed).toEqual(["eu overloaded"]);
    share.end();
    expect([counted, held()]).toEqual([[31], 62]);
  });

  it("of a region that failed are free", () => {
    const { share, held } = shareBytes(1000);
    const { eu, us, failed } = begin(share);
    share.add(eu, 60);
    share.drop(eu);
    share.drop(eu);
    share.add(us, 100);
    expect([failed, held()]).toEqual([[], 200]);
  });
});

describe("rows", () => {
  const start = () => {
    const budget = new Budget("owner", { ...defaultLimits, rows: 100 });
    return { budget, share: createRowShare(budget) };
  };

  it("of the region that has most go first, in any order", () => {
    const { budget, share } = start();
    const { eu, us, ap, failed } = begin(share);
    share.add(eu, 99);
    share.add(us, 10);
    share.add(ap, 90);
    expect(failed).toEqual(["eu answer_too_large"]);
    share.add(us, 1);
    expect(failed).toEqual(["eu answer_too_large", "ap answer_too_large"]);
    expect(() => budget.rows(89)).not.toThrow();
    expect(() => budget.rows(1)).toThrow(/more than 100 rows/);
    budget.end();
  });

  it("are counted no more when the client has left", () => {
    const { budget, share } = start();
    const { eu, failed } = begin(share);
    budget.cancel();
    expect(() => share.add(eu, 1)).toThrow(/disconnected/);
    expect(failed).toEqual([]);
    budget.end();
  });
});
