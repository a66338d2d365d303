import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type Authenticator, isBearer } from "../auth/authenticator.ts";
import { type Principal, scopes } from "../auth/principal.ts";
import { createThrottle } from "../auth/throttle.ts";
import { environments } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";
import { WaitingLine } from "../http/waiting-line.ts";
import { toNetwork, toSite } from "../lib/network.ts";
import { agentName, type Failure } from "./ask.ts";
import type { Region } from "./region.ts";

/** Asks a region whether it accepts a token. Null: it does. Never rejects. */
export type AskAcceptance = (region: Region, authorization: string, timeoutMs?: number) => Promise<Failure | null>;

interface AcceptanceOptions {
  readonly regions: readonly Region[];
  readonly ask: AskAcceptance;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** A token that a region accepted. */
interface Accepted {
  readonly principal: Principal;
  /**
   * The time when a region last accepted it, and the time from which regions are asked again. Both
   * in ms of the monotonic clock.
   */
  readonly at: number;
  readonly until: number;
  /** The regions that accepted it. */
  readonly by: Set<Region>;
}

/**
 * How long an answer counts, ms. A refusal counts less long: a new token may have just been added.
 */
const [acceptedMs, refusedMs] = [60_000, 10_000];
/**
 * A token that was accepted in this time is asked about outside of the limit of unknown tokens, and
 * stays accepted while its regions cannot be asked, ms.
 */
const familiarMs = 3_600_000;
/** How long such a token waits for the regions to say so again, ms. */
const patienceMs = 2000;
/** Tokens in memory, of each kind. */
const mostTokens = 10_000;
/**
 * Unknown tokens that the regions are asked about: a region allows the fleet's address as many
 * failed logins.
 */
const ofAll = { burst: 100, perSecond: 10 };
/** Beyond that they wait, in turn by network. */
const inLine = { limit: 200, waitMs: 10_000 };

/**
 * Accepts a bearer token that a region accepts, before anything is parsed for it. A region still
 * decides about each request by itself: so the principal has every right here. Null when at least
 * one region refuses the token, and none accepts it. Rejects with auth_unavailable when none can be
 * asked. A token that a region has accepted and refuses now is revoked, whatever the others say.
 * Rejects with rate_limited for too many unknown tokens. Throws invalid_request for the question of
 * a fleet: one that asks itself would never end.
 *
 * Unknown tokens have a limit in all. Beyond it, networks have their turns one after the other, and
 * those whose tokens were refused come after the others (`WaitingLine`).
 *
 * Tokens are remembered, and named in the log and in limits, by a digest that means nothing outside
 * this process.
 */
export function createAcceptance(options: AcceptanceOptions): Pick<Authenticator, "authenticate"> {
  const { regions, ask, now = () => performance.now() } = options;
  const secret = randomBytes(32);
  const accepted = new LRUCache<string, Accepted>({ max: mostTokens });
  /** When each refusal lapses. */
  const refused = new LRUCache<string, number>({ max: mostTokens });
  const asking = new Map<string, Promise<Principal | null>>();
  const unknown = createThrottle({ ...ofAll, now });
  const waiting = new WaitingLine(inLine);

  const accept = (digest: string, { principal, at, by }: Omit<Accepted, "until">): Principal => {
    refused.delete(digest);
    accepted.set(digest, { principal, at, by, until: now() + acceptedMs });
    return principal;
  };
  const decide = async (
    digest: string,
    authorization: string,
    familiar: Accepted | null,
  ): Promise<Principal | null> => {
    const by = new Set<Region>();
    const refusing = new Set<Region>();
    const asked = regions.map(async (region) => {
      const failure = await ask(region, authorization, familiar ? patienceMs : undefined);
      if (failure === null) by.add(region);
      else if (failure.status === 401) refusing.add(region);
      return failure;
    });
    const failures = await untilAccepted(asked);
    if (failures === null)
      return accept(digest, { principal: familiar?.principal ?? toPrincipal(digest), at: now(), by });
    const isRevoked = familiar !== null && !familiar.by.isDisjointFrom(refusing);
    if (isRevoked || refusing.size === failures.length) {
      accepted.delete(digest);
      refused.set(digest, now() + refusedMs);
      return null;
    }
    if (familiar) return accept(digest, familiar);
    if (refusing.size > 0) return null;
    throw new OpsError("auth_unavailable", "No region can be asked whether it accepts this token: try again soon");
  };
  let timer: NodeJS.Timeout | undefined;
  const admitSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      while (waiting.length > 0 && unknown.hit("") === 0) waiting.admit();
      if (waiting.length > 0) admitSoon();
    }, 1000 / ofAll.perSecond);
  };
  const decideInTurn = async (
    digest: string,
    authorization: string,
    ip: string | undefined,
  ): Promise<Principal | null> => {
    const network = toNetwork(ip ?? "");
    const site = toSite(network);
    if (waiting.length > 0 || unknown.hit("") > 0) {
      admitSoon();
      if (!(await waiting.wait(site, network))) throw tooMany();
    }
    const principal = await decide(digest, authorization, null);
    if (principal === null) waiting.suspect(site);
    return principal;
  };

  return {
    authenticate(authorization, rawHeaders, ip) {
      if (!isBearer(authorization, rawHeaders)) return null;
      if (rawHeaders.includes(agentName)) throw new OpsError("invalid_request", noRegion);
      const digest = createHmac("sha256", secret).update(authorization).digest("hex");
      const remembered = accepted.get(digest);
      if (remembered && now() < remembered.until) return remembered.principal;
      if (now() < (refused.get(digest) ?? -Infinity)) return null;
      const going = asking.get(digest);
      if (going) return going;
      const familiar = remembered && now() - remembered.at < familiarMs ? remembered : null;
      const decision = familiar ? decide(digest, authorization, familiar) : decideInTurn(digest, authorization, ip);
      const answer = decision.finally(() => asking.delete(digest));
      asking.set(digest, answer);
      return answer;
    },
  };
}

const noRegion = "This is a fleet, and takes no questions of fleets: name gateways as regions";

const tooMany = () =>
  new OpsError("rate_limited", "Too many unknown tokens: try again soon", { headers: { "Retry-After": "5" } });

const everything = { scopes: new Set(scopes), environments: new Set(environments) };

function toPrincipal(digest: string): Principal {
  return { subject: "unverified", kid: digest.slice(0, 16), auth: "token", ...everything };
}

/** Null as soon as one accepts; otherwise why each does not. */
function untilAccepted(asked: readonly Promise<Failure | null>[]): Promise<readonly Failure[] | null> {
  return new Promise((resolve, reject) => {
    const failures: Failure[] = [];
    const add = (failure: Failure | null) => {
      if (failure === null) return resolve(null);
      failures.push(failure);
      if (failures.length === asked.length) resolve(failures);
    };
    for (const one of asked) one.then(add, reject);
  });
}
