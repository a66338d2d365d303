import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RawContainer } from "../../../src/containers/container.ts";
import { toOrigin } from "../../../src/containers/kamal/origin.ts";
import { selectVisible } from "../../../src/containers/kamal/visibility.ts";
import { createVisibleIndex } from "../../../src/containers/kamal/visible-index.ts";
import { toEngineContext } from "../../support/engine-context.ts";
import { facts, rulesOf } from "../../support/docker-facts.ts";

const engine = { env: null, rules: rulesOf("w"), hostNames: [] };

const raw = fc
  .record({
    id: fc.nat(7),
    service: fc.constantFrom("w", "w-redis", "other", undefined),
    role: fc.constantFrom("web", "worker", undefined),
    destination: fc.constantFrom("staging", "production", undefined),
    name: fc.constantFrom("w-web-1", "w-redis", "w-web-1_replaced_0123456789abcdef", "w-exec-1-a1b2c3", "kamal-proxy"),
    state: fc.constantFrom("running", "exited", "created", "dead"),
    day: fc.integer({ min: 10, max: 28 }),
    isKnown: fc.boolean(),
  })
  .map(({ id, service, role, destination, name, state, day, isKnown }): RawContainer => {
    const labels = Object.fromEntries(
      Object.entries({ service, role, destination }).filter(([, value]) => value !== undefined),
    );
    const given = facts({
      name,
      labels: labels as Record<string, string>,
      state,
      createdAt: `2026-01-${day}T00:00:0${id}Z`,
    });
    return { ...given, fullId: String(id).repeat(64), ...(isKnown ? {} : { variables: null }) };
  });

const step = fc.oneof({ weight: 4, arbitrary: raw }, { weight: 1, arbitrary: fc.nat(7) });

test("the index agrees with the whole list after any changes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const index = createVisibleIndex(engine);
      const all = new Map<string, RawContainer>();
      for (const one of steps) {
        if (typeof one === "number") {
          all.delete(String(one).repeat(64));
          index.remove(String(one).repeat(64));
        } else {
          all.set(one.fullId, one);
          index.put(one);
        }
        const list = [...all.values()];
        const context = toEngineContext(list, engine);
        const visible = selectVisible(list, context);
        expect(list.filter((each) => index.isVisible(each))).toEqual(visible);
        const isHidden = (each: RawContainer) => toOrigin(each) === "app" && !visible.includes(each);
        expect(list.filter((each) => index.isRetired(each))).toEqual(list.filter(isHidden));
        expect({ ...index.context(), appServices: index.context().appServices.toSorted() }).toEqual({
          ...context,
          appServices: context.appServices.toSorted(),
        });
      }
    }),
  );
});

test("the context is the same object until a service or environment changes", () => {
  const index = createVisibleIndex(engine);
  const app = (digit: string, service: string, state = "running") =>
    ({
      ...facts({ name: `w-${digit}`, labels: { service, role: "web" }, state }),
      fullId: digit.repeat(64),
    }) as RawContainer;
  index.put(app("1", "w"));
  const first = index.context();
  index.put(app("1", "w", "exited"));
  index.put(app("2", "w"));
  index.remove("2".repeat(64));
  expect(index.context()).toBe(first);
  index.put(app("3", "longer"));
  expect(index.context().appServices).toEqual(["longer", "w"]);
  index.remove("3".repeat(64));
  expect(index.context()).toEqual(first);
});
