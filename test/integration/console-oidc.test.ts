import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Provider } from "oidc-provider";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildConsole } from "../../script/console.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createSignIn } from "../../src/auth/oidc.ts";
import { createPages } from "../../src/console/pages.ts";
import { createGateway } from "../../src/gateway.ts";
import { createEdge, type Edge } from "../../src/http/server.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const audience = "https://ops.example/";
const scope = "openid offline_access ops:read ops:logs";
/** Life of an access token, s: short, so that the test sees it renewed. */
const life = 10;

let provider: Server;
let edge: Edge;
let browser: Browser;
let origin: string;
const folder = mkdtempSync(join(tmpdir(), "ops-console-"));
/** Grants that the provider gave tokens for. */
const granted: string[] = [];

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A real provider with a public client, PKCE and JWT access tokens for our audience. */
function createProvider(issuer: string, redirectUri: string): Provider {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "console",
        application_type: "native",
        token_endpoint_auth_method: "none",
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
    ],
    scopes: scope.split(" "),
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "ops:read ops:logs",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: life,
        }),
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: () => ({ ops_environments: ["staging"] }),
  });
  made.on("grant.success", (context) => void granted.push(String(context.oidc.params?.["grant_type"])));
  return made;
}

beforeAll(async () => {
  await buildConsole(folder);
  provider = createServer();
  const issuer = await listen(provider);
  const jwt = { jwksUrl: `${issuer}/jwks`, issuer, audience };
  const authenticator = createAuthenticator({ jwt, logger: silentLogger });
  const signIn = createSignIn({ issuer, clientId: "console", scope, audience });
  const gateway = createGateway(createMemorySources().sources, silentLogger);
  edge = createEdge({
    ...gateway,
    publicPages: createPages(signIn, `${folder}/`),
    authenticator,
    logger: silentLogger,
  });
  origin = `http://127.0.0.1:${(await edge.listen("127.0.0.1", 0)).port}`;
  const answer = createProvider(issuer, `${origin}/`).callback();
  provider.on("request", (req, res) => void answer(req, res));
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await edge?.drain();
  provider?.closeAllConnections();
  provider?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function signInAt(page: Page, address: string): Promise<void> {
  await page.goto(origin + address);
  await page.getByRole("button", { name: /^Sign in with 127/ }).click();
  await page.locator("input[name=login]").fill("root@ops");
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: /continue/i }).click();
}

test("a person signs in with the provider and comes back to the same screen", async () => {
  const page = await (await browser.newContext()).newPage();
  await signInAt(page, "/timeline?env=STAGING");
  await page.getByText("root@ops").first().waitFor();
  expect(page.url()).toBe(`${origin}/timeline?env=STAGING`);
  expect(granted[0]).toBe("authorization_code");

  // The token ends twice meanwhile, and nobody sees it.
  const refused: number[] = [];
  page.on("response", (response) => void (response.status() === 401 && refused.push(response.status())));
  await expect
    .poll(() => granted.filter((grant) => grant === "refresh_token").length, { timeout: 60_000 })
    .toBeGreaterThanOrEqual(2);
  expect(page.url()).toBe(`${origin}/timeline?env=STAGING`);
  expect(await page.getByText("root@ops").count()).toBeGreaterThan(0);
  expect(refused).toEqual([]);

  await page.locator("summary[aria-label^='Signed in']").click();
  await page.getByRole("button", { name: /Sign out/ }).click();
  await page.getByRole("button", { name: /^Sign in with 127/ }).waitFor();
  expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
  await page.context().close();
}, 90_000);

test("tabs share a session whose refresh token may be used once", async () => {
  const context = await browser.newContext();
  const first = await context.newPage();
  await signInAt(first, "/");
  await first.getByText("root@ops").first().waitFor();
  const others = await Promise.all(
    ["/queues", "/hosts"].map(async (path) => {
      const page = await context.newPage();
      await page.goto(origin + path);
      await page.getByText("root@ops").first().waitFor();
      return page;
    }),
  );
  const all = [first, ...others];
  const tokenOf = (page: Page) => page.evaluate(() => sessionStorage.getItem("wallet-core-ops.token"));
  const before = granted.length;
  const given = await tokenOf(first);
  await expect.poll(() => granted.length - before, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
  await expect.poll(async () => new Set(await Promise.all(all.map(tokenOf))).size).toBe(1);
  expect(await tokenOf(first)).not.toBe(given);
  for (const page of all) expect(await page.getByText("root@ops").count()).toBeGreaterThan(0);
  // One renewal serves all three.
  expect(granted.length - before).toBeLessThanOrEqual(4);
  await context.close();
}, 90_000);

/**
 * Posts to the sign-in from a local address, each 127.x.0.1 a network of its own. Resolves to the
 * status; 0 without an answer.
 */
async function post(localAddress: string, body: string): Promise<number> {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const { port } = new URL(origin);
  const options = {
    port,
    host: "127.0.0.1",
    path: "/console/sign-in",
    method: "POST",
    headers,
    localAddress,
    agent: false,
  };
  const request = httpRequest(options).end(body);
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  } catch {
    return 0;
  }
}

/**
 * Two networks keep 20 POSTs unfinished, and one sends 50 pieces of junk a second, until the
 * returned function is called; it returns how many were sent.
 */
function attack(): () => { held: number; junk: Record<string, number> } {
  const { port } = new URL(origin);
  const sockets = new Set<Socket>();
  const sent = { held: 0, junk: {} as Record<string, number> };
  const hold = (localAddress: string) => {
    const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress })
      .on("error", () => {})
      .resume();
    sent.held += 1;
    sockets.add(socket);
    socket.write(
      "POST /console/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{",
    );
    socket.on("close", () => {
      if (sockets.delete(socket)) hold(localAddress);
    });
  };
  for (let index = 0; index < 10; index += 1) for (const address of ["127.1.0.1", "127.2.0.1"]) hold(address);
  const bodies = [
    "junk",
    JSON.stringify({ code: "c", verifier: "v", redirectUri: `${origin}/` }),
    '{"refreshToken":"junk"}',
  ];
  const send = async (body: string) => {
    const status = await post("127.3.0.1", body);
    sent.junk[status] = (sent.junk[status] ?? 0) + 1;
  };
  const timer = setInterval(() => {
    for (let index = 0; index < 5; index += 1) void send(bodies[index % 3] ?? "");
  }, 100);
  return () => {
    clearInterval(timer);
    const open = [...sockets];
    sockets.clear();
    for (const socket of open) socket.destroy();
    return sent;
  };
}

test("a person signs in and stays signed in while others attack the sign-in", async () => {
  const stop = attack();
  try {
    const page = await (await browser.newContext()).newPage();
    const before = granted.length;
    await signInAt(page, "/hosts");
    await page.getByText("root@ops").first().waitFor();
    const own = () => granted.slice(before, before + 2);
    await expect.poll(own, { timeout: 60_000 }).toEqual(["authorization_code", "refresh_token"]);
    expect(await page.getByText("root@ops").count()).toBeGreaterThan(0);
    await page.context().close();
  } finally {
    const { held, junk } = stop();
    expect(held).toBeGreaterThan(20);
    expect(junk["400"]).toBeGreaterThan(20);
  }
}, 120_000);

test("a renewal refused for load is tried again; a refused grant signs out", async () => {
  const page = await (await browser.newContext()).newPage();
  await signInAt(page, "/hosts");
  await page.getByText("root@ops").first().waitFor();
  const first = await page.evaluate(() => sessionStorage.getItem("wallet-core-ops.token"));
  const before = granted.length;
  const answers: number[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/console/sign-in")) answers.push(response.status());
  });
  // The token has ended, and there is no time for renewals.
  const refusals = [429, 503];
  await page.route("**/console/sign-in", (route) => {
    const status = refusals.shift();
    return status === undefined
      ? route.fallback()
      : route.fulfill({ status, json: { message: "Too many sign-ins at once" } });
  });
  await page.route("**/graphql", (route) =>
    route.request().headers()["authorization"] === `Bearer ${first}`
      ? route.fulfill({ status: 401 })
      : route.fallback(),
  );
  await expect.poll(() => answers.slice(0, 3), { timeout: 60_000 }).toEqual([429, 503, 200]);
  expect(granted.slice(before)).toContain("refresh_token");
  // The screen goes on with the new token.
  await page.waitForResponse((response) => response.url().endsWith("/graphql") && response.status() === 200);
  expect(await page.getByText("root@ops").count()).toBeGreaterThan(0);
  expect(page.url()).toBe(`${origin}/hosts`);

  await page.route("**/graphql", (route) => route.fulfill({ status: 401 }));
  await page.route("**/console/sign-in", (route) =>
    route.request().method() === "POST"
      ? route.fulfill({ status: 400, json: { message: "refused" } })
      : route.fallback(),
  );
  await page.getByText("no longer accepts this token").waitFor();
  await page.context().close();
}, 120_000);

test("an answer to another sign-in is refused", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/`);
  await page.evaluate(() =>
    sessionStorage.setItem(
      "wallet-core-ops.sign-in",
      JSON.stringify({ state: "mine", verifier: "v", address: "/hosts", keep: false }),
    ),
  );
  await page.goto(`${origin}/?code=stolen&state=other`);
  await page.getByText("belongs to another sign-in").waitFor();
  expect(page.url()).toBe(`${origin}/hosts`);
  await page.context().close();
});

test("a code that the provider does not know is refused in words", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/`);
  await page.evaluate(() =>
    sessionStorage.setItem(
      "wallet-core-ops.sign-in",
      JSON.stringify({ state: "mine", verifier: "v", address: "/", keep: false }),
    ),
  );
  await page.goto(`${origin}/?code=unknown&state=mine`);
  await page.getByText("refuses this sign-in (invalid_grant)").waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await page.context().close();
});
