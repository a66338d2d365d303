import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { Grant, SignIn } from "../../src/auth/oidc.ts";
import { createSignInPages } from "../../src/console/sign-in.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { bearer, startEdge } from "../support/edge.ts";

const invitation = {
  authorizationEndpoint: "https://provider.example/authorize",
  clientId: "console",
  scope: "openid",
  resource: null,
};
const tokens = { accessToken: "access", refreshToken: "refresh", expiresIn: 60 };
const path = "/console/sign-in";
const json = { "content-type": "application/json" };

function start(signIn: SignIn | null) {
  return startEdge({ publicPages: createSignInPages(signIn) });
}

function createFake(): SignIn & { readonly grants: Grant[] } {
  const grants: Grant[] = [];
  return { grants, invite: async () => invitation, exchange: async (grant) => (grants.push(grant), tokens) };
}

test("without a provider the page says so, and no code is taken", async () => {
  await using edge = await start(null);
  expect(JSON.parse((await edge.send("GET", path)).text)).toEqual({ oidc: null });
  expect((await edge.send("POST", path, json, "{}")).status).toBe(401);
});

test("a browser learns where to sign in, without a token", async () => {
  await using edge = await start(createFake());
  const { status, headers, text } = await edge.send("GET", path);
  expect([status, JSON.parse(text)]).toEqual([200, { oidc: invitation }]);
  expect(headers["cache-control"]).toBe("no-store");
});

test("a code and a refresh token are passed on, and tokens come back", async () => {
  const fake = createFake();
  await using edge = await start(fake);
  const code = { code: "c", verifier: "v", redirectUri: "https://ops.example/" };
  for (const grant of [code, { refreshToken: "r" }]) {
    const { status, text } = await edge.send("POST", path, json, JSON.stringify(grant));
    expect([status, JSON.parse(text)]).toEqual([200, tokens]);
  }
  expect(fake.grants).toEqual([code, { refreshToken: "r" }]);
});

test.each([
  ["another type", { "content-type": "text/plain" }, '{"refreshToken":"r"}', 415],
  ["no type", {}, '{"refreshToken":"r"}', 415],
  ["no JSON", json, "{", 400],
  ["a grant without its verifier", json, '{"code":"c"}', 400],
  ["a field too many", json, '{"refreshToken":"r","client_secret":"s"}', 400],
  ["an empty token", json, '{"refreshToken":""}', 400],
  ["more than 16 kB", json, JSON.stringify({ refreshToken: "r".repeat(20_000) }), 413],
])("a request with %s is refused", async (_what, headers, body, status) => {
  const fake = createFake();
  await using edge = await start(fake);
  expect((await edge.send("POST", path, headers, body)).status).toBe(status);
  expect(fake.grants).toEqual([]);
});

/** Posts from a local address: each 127.x.0.1 is a network of its own. Resolves to the status. */
async function post(port: number, body: string, localAddress = "127.0.0.1"): Promise<number> {
  const headers = { ...json, "content-length": Buffer.byteLength(body) };
  const request = httpRequest({ port, path, host: "127.0.0.1", method: "POST", headers, localAddress, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

const codeBody = JSON.stringify({ code: "c", verifier: "v", redirectUri: "https://ops.example/" });
const renewalBody = JSON.stringify({ refreshToken: "r" });

/** POSTs whose bodies never end; what each received. */
async function hold(
  port: number,
  localAddress: string,
  count: number,
): Promise<{ socket: Socket; received: () => string }[]> {
  const held = [];
  for (let index = 0; index < count; index += 1) {
    const socket = connect({ port, host: "127.0.0.1", localAddress }).on("error", () => {});
    let received = "";
    socket.on("data", (data) => (received += String(data)));
    await once(socket, "connect");
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{"code":`,
    );
    held.push({ socket, received: () => received });
  }
  return held;
}

test.each([
  [20, ["127.1.0.1", "127.2.0.1"]],
  [400, Array.from({ length: 40 }, (_, index) => `127.${index + 1}.0.1`)],
])("%i unfinished POSTs keep nobody from signing in, or from a page", async (count, networks) => {
  const fake = createFake();
  const page = { path: "/page", accepts: () => true, reply: () => ({ status: 200, body: "page" }) };
  await using edge = await startEdge({ publicPages: [...createSignInPages(fake), page] });
  const held = (await Promise.all(networks.map((network) => hold(edge.port, network, count / networks.length)))).flat();
  const statuses: number[] = [];
  for (let index = 0; index < 10; index += 1)
    statuses.push(await post(edge.port, codeBody), await post(edge.port, renewalBody));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect((await edge.send("GET", path)).status).toBe(200);
  expect((await edge.send("GET", "/page")).status).toBe(200);
  // Even from a network that holds them.
  expect(await post(edge.port, codeBody, networks[0])).toBe(200);
  // Each is answered and closed; the deadline is 2 s.
  await expect.poll(() => held.filter(({ socket }) => !socket.closed).length, { timeout: 20_000 }).toBe(0);
  const answers = new Set(held.map(({ received }) => received().slice(0, 12)));
  expect([...answers].filter((answer) => !["HTTP/1.1 408", "HTTP/1.1 503"].includes(answer))).toEqual([]);
});

test("a body that drips is cut off 2 s after its start", async () => {
  await using edge = await startEdge({ publicPages: createSignInPages(createFake()) });
  const startedAt = performance.now();
  const [{ socket, received } = await Promise.reject(new Error("none"))] = await hold(edge.port, "127.1.0.1", 1);
  const drip = setInterval(() => socket.writable && socket.write(" "), 300);
  await expect.poll(() => socket.closed, { timeout: 20_000 }).toBe(true);
  clearInterval(drip);
  expect(performance.now() - startedAt).toBeGreaterThan(1900);
  expect(received()).toMatch(/^HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n[^]*"code":"request_timeout"/);
});

test("junk that does not parse costs nobody anything, its sender included", async () => {
  await using edge = await startEdge({ publicPages: createSignInPages(createFake()) });
  const junk: number[] = [];
  for (let index = 0; index < 200; index += 1) junk.push(await post(edge.port, '{"junk":1}'));
  expect(new Set(junk)).toEqual(new Set([400]));
  expect([await post(edge.port, codeBody), await post(edge.port, renewalBody)]).toEqual([200, 200]);
});

test.each([
  ["sign-ins", codeBody, renewalBody],
  ["renewals", renewalBody, codeBody],
])("a flood of %s empties the count of its network and kind alone", async (_what, flood, other) => {
  const fake = createFake();
  await using edge = await startEdge({ publicPages: createSignInPages(fake) });
  let refused = 0;
  let sent = 0;
  while (refused < 20 && sent < 5000) {
    sent += 1;
    if ((await post(edge.port, flood)) === 429) refused += 1;
  }
  expect(refused).toBe(20);
  expect(fake.grants.length).toBe(sent - refused);
  expect(await post(edge.port, other)).toBe(200);
  expect(await post(edge.port, flood, "127.1.0.1")).toBe(200);
});

test("requests to the provider have places of their own for each kind", async () => {
  const waiting: (() => void)[] = [];
  const answer = async () => {
    await new Promise<void>((resolve) => void waiting.push(resolve));
    return tokens;
  };
  const signIn: SignIn = {
    invite: async () => invitation,
    exchange: (grant) => ("code" in grant ? answer() : Promise.resolve(tokens)),
  };
  await using edge = await startEdge({ publicPages: createSignInPages(signIn) });
  const flood = (network: string, count: number) =>
    Array.from({ length: count }, () => post(edge.port, codeBody, network));
  const first = flood("127.1.0.1", 20);
  // One network has at most 6 of the 16 places.
  await expect.poll(() => waiting.length).toBe(6);
  const others = [...flood("127.2.0.1", 6), ...flood("127.3.0.1", 6)];
  await expect.poll(() => waiting.length).toBe(16);
  expect(await post(edge.port, renewalBody)).toBe(200);
  const release = setInterval(() => waiting.splice(0).forEach((resolve) => resolve()), 5);
  expect(new Set(await Promise.all([...first, ...others]))).toEqual(new Set([200]));
  clearInterval(release);
});

test.each([
  [4, "sign-ins", codeBody],
  [40, "sign-ins", codeBody],
  [40, "renewals", renewalBody],
])("junk of %i networks refuses no %s of other networks", async (networks, _what, body) => {
  const waiting: (() => void)[] = [];
  let answered = 0;
  const exchange = async () => {
    await new Promise<void>((resolve) => void waiting.push(resolve));
    answered += 1;
    throw new OpsError("invalid_request", "The identity provider refuses this sign-in (invalid_grant)");
  };
  const honestBody = body.replace(/:"[cr]"/, ':"honest"');
  const signIn: SignIn = {
    invite: async () => invitation,
    exchange: (grant) => (Object.values(grant).includes("honest") ? Promise.resolve(tokens) : exchange()),
  };
  await using edge = await startEdge({ publicPages: createSignInPages(signIn) });
  const over = new AbortController();
  // More than wait at once: those who send them try again at once, within the attempts of their
  // network.
  const flood = Array.from({ length: 300 }, async (_, index) => {
    for (let tries = 0; !over.signal.aborted && tries < 100; tries += 1) {
      await post(edge.port, body, `127.${(index % networks) + 1}.0.1`);
    }
  });
  const answer = () => waiting.shift()?.();
  await expect.poll(() => (answer(), answered), { timeout: 30_000, interval: 2 }).toBeGreaterThan(networks * 3);
  for (let index = 0; index < 10; index += 1) {
    const honest = post(edge.port, honestBody, `127.${100 + index}.0.1`);
    let status = 0;
    void honest.then((got) => (status = got));
    await expect
      .poll(() => (status === 0 && (answer(), answer()), status), { timeout: 30_000, interval: 50 })
      .toBe(200);
  }
  over.abort();
  const end = setInterval(() => waiting.splice(0).forEach((resolve) => resolve()), 5);
  await Promise.all(flood);
  clearInterval(end);
});

test("other methods are refused with what is allowed", async () => {
  await using edge = await start(createFake());
  const { status, headers } = await edge.send("OPTIONS", path, bearer);
  expect([status, headers["allow"]]).toEqual([405, "GET, HEAD, POST"]);
});
