import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
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
        getResourceServerInfo: () => ({ scope: "ops:read ops:logs", audience, accessTokenFormat: "jwt", accessTokenTTL: life }),
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
  edge = createEdge({ ...gateway, publicPages: createPages(signIn, `${folder}/`), authenticator, logger: silentLogger });
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
