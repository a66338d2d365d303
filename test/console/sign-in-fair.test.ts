import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { SignIn } from "../../src/auth/oidc.ts";
import { createSignInPages } from "../../src/console/sign-in.ts";
import type { PublicPage } from "../../src/http/surface.ts";
import { OpsError } from "../../src/lib/errors.ts";

const tokens = { accessToken: "access", refreshToken: null, expiresIn: 60 };
/** Those of sign-in.ts. */
const placesInLine = 500;
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/**
 * The sign-in over a provider that answers when the test says so. It refuses all but honest codes.
 */
function createScene() {
  const asked: { readonly code: string; readonly answer: () => void }[] = [];
  const signIn: SignIn = {
    invite: () => Promise.reject(new Error("nobody asks")),
    async exchange(grant) {
      const code = "code" in grant ? grant.code : "";
      await new Promise<void>((resolve) => void asked.push({ code, answer: resolve }));
      if (code.startsWith("honest")) return tokens;
      throw new OpsError("invalid_request", "refused");
    },
  };
  const page = createSignInPages(signIn).find(({ method }) => method === "POST") as PublicPage;
  const post = async (code: string, ip: string): Promise<number> => {
    const body = Buffer.from(JSON.stringify({ code, verifier: "v", redirectUri: "https://ops.example/" }));
    const request = {
      path: page.path,
      query: "",
      ip,
      headers: { "content-type": "application/json" },
      body: async () => body,
    };
    try {
      return (await page.reply(request)).status;
    } catch (error) {
      return (error as OpsError).status;
    }
  };
  return { asked, post };
}

/**
 * The address of an attacker: half of the networks are sites of IPv6, which have networks of their
 * own.
 */
const toAddress = (network: number, part: number) =>
  network % 2 === 0
    ? `10.${network >> 8}.${network & 255}.${part}`
    : `2001:db8:${network.toString(16)}:${part.toString(16)}::1`;

const junk = (networks: number) => fc.tuple(fc.nat(networks - 1), fc.nat(250));

/**
 * What happens, in any order: junk arrives, or the provider answers any of the grants that it has.
 */
const stepsOf = (networks: number, maxLength: number) =>
  fc.array(fc.oneof({ weight: 5, arbitrary: fc.record({ junk: junk(networks) }) }, fc.record({ answer: fc.nat(15) })), {
    maxLength,
    size: "max",
  });

type Step = { readonly junk: [network: number, part: number] } | { readonly answer: number };

const attackOf = fc.oneof(fc.constantFrom(1, 4, 40, 400), fc.integer({ min: 1, max: 3000 })).chain((networks) =>
  fc.record({
    networks: fc.constant(networks),
    before: stepsOf(networks, 1200),
    after: stepsOf(networks, 600),
    honest: fc.integer({ min: 0, max: 250 }),
  }),
);

test("an honest sign-in waits a bounded number of answers, under any junk", async () => {
  let most = 0;
  await fc.assert(
    fc.asyncProperty(attackOf, async ({ before, after, honest }) => {
      const { asked, post } = createScene();
      const refused = new Set<number>();
      const sent = new Set<number>();
      let answered = 0;
      const run = async (step: Step) => {
        if ("junk" in step) {
          const [network, part] = step.junk;
          sent.add(network);
          void post(`junk ${network}`, toAddress(network, part));
        } else {
          const [one] = asked.splice(step.answer % Math.max(1, asked.length), 1);
          if (one === undefined) return;
          answered += 1;
          one.answer();
          if (one.code.startsWith("junk")) refused.add(Number(one.code.slice(5)));
        }
        await turn();
      };
      for (const step of before) await run(step);
      // Networks that are as good as the honest one: no grant of theirs was refused yet. Each has
      // one turn at most before it, and suspects have one of four.
      const equals = sent.difference(refused).size;
      const bound = Math.ceil(((equals + 1) * 4) / 3) + 1;
      const answer = post("honest", `192.168.${honest}.1`);
      let status = 0;
      void answer.then((got) => (status = got));
      await turn();
      // All places may have a network of their own, and each is as good. Nobody can tell which of
      // them is honest.
      if (status !== 0 && equals >= placesInLine) return;
      const start = answered;
      for (const step of after) {
        if (asked.some(({ code }) => code === "honest")) break;
        await run(step);
      }
      for (let more = 0; more <= bound && !asked.some(({ code }) => code === "honest"); more += 1)
        await run({ answer: 0 });
      expect([status, asked.some(({ code }) => code === "honest")]).toEqual([0, true]);
      expect(answered - start).toBeLessThanOrEqual(bound);
      most = Math.max(most, answered - start);
      while (asked.length > 0) await run({ answer: 0 });
      expect(status).toBe(200);
    }),
    { numRuns: 30 },
  );
  // Some of them did wait.
  expect(most).toBeGreaterThan(0);
});
