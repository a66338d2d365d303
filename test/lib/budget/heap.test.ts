import { describe, expect, it } from "vitest";
import { createHeapGuard } from "../../../src/lib/budget/heap.ts";

describe("the guard of the heap", () => {
  const createStage = () => {
    const figures = { used: 0, limit: 100 };
    return { figures, guard: createHeapGuard(() => figures) };
  };

  it("counts garbage only after a collection has left it", () => {
    const { figures, guard } = createStage();
    figures.used = 99;
    expect(guard.isFull()).toBe(false);
    guard.collected();
    expect(guard.isFull()).toBe(true);
  });

  it("is full from 66 of 100 on, until there is less", () => {
    const { figures, guard } = createStage();
    figures.used = 65;
    guard.collected();
    expect(guard.isFull()).toBe(false);
    figures.used = 66;
    expect(guard.isFull()).toBe(false);
    guard.collected();
    expect(guard.isFull()).toBe(true);
    figures.used = 65;
    expect(guard.isFull()).toBe(false);
    // What was allocated since then may be garbage again.
    figures.used = 90;
    expect(guard.isFull()).toBe(false);
  });
});
