/**
 * This process's clock is so much ahead (negative: behind), s, until it is disposed of. The
 * monotonic clock and timers are as they are.
 */
export function shiftClock(seconds: number): Disposable {
  const Real = globalThis.Date;
  const now = () => Real.now() + seconds * 1000;
  const construct = (target: DateConstructor, values: unknown[]) =>
    Reflect.construct(target, values.length === 0 ? [now()] : values);
  globalThis.Date = new Proxy(Real, {
    construct,
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
  return { [Symbol.dispose]: () => void (globalThis.Date = Real) };
}
