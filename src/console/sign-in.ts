import { z } from "zod";
import type { Grant, SignIn } from "../auth/oidc.ts";
import { createThrottle } from "../auth/throttle.ts";
import { createAdmission } from "../http/admission.ts";
import type { EdgeReply, PublicPage, PublicRequest } from "../http/surface.ts";
import { OpsError } from "../lib/errors.ts";
import { parseJson } from "../lib/http-client.ts";
import { toNetwork, toSite } from "../lib/network.ts";
import { type BodyReader, createBodyReader } from "./body-reader.ts";
import { signInPath } from "./screens.ts";

const maxBodyBytes = 16_384;
const text = z.string().min(1).max(8000);
const codeGrant = z.strictObject({ code: text, verifier: text, redirectUri: text });
const renewalGrant = z.strictObject({ refreshToken: text });

/** A body is a few kB; 256 unfinished ones hold 4 MB. */
const bodies = { deadlineMs: 2000, perNetwork: 16, total: 256 };

/**
 * Attempts of one network: each is a request to the provider. An office of 60 people can sign in at
 * once. A site of IPv6 (/48) has four times as many in all of its networks (/64).
 */
const attempts = { burst: 60, perSecond: 5 };
const attemptsOfSite = { burst: 240, perSecond: 20 };

/**
 * Requests to the provider at once, and those of one network or site. Each has a deadline of 5 s. A
 * grant that waits has up to 32 kB, so the two lines hold up to 32 MB.
 */
const places = { limit: 16, reserve: 0, limitPerToken: 6, waitMs: 20_000, queueLimit: 500 };

const noStore = ["X-Content-Type-Options", "nosniff", "Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];

/**
 * Sign-in with an identity provider, for the console: GET says whether there is one (`{"oidc":
 * null}` without), POST changes a code or a refresh token into tokens. Both need no token: they are
 * how one gets it.
 *
 * No client can block others. A body has 2 s, and takes no place while it arrives. Only a grant
 * that parses is counted, against its own network. Networks that wait for the provider take turns,
 * and those whose grants it refused come after the others (`WaitingLine`). Sign-ins and renewals
 * have separate places and counts, so that a flood of one does not stop the other.
 */
export function createSignInPages(signIn: SignIn | null): PublicPage[] {
  const invitation: PublicPage = {
    path: signInPath,
    ownLimits: true,
    accepts: () => true,
    reply: async () => toReply({ oidc: signIn && (await signIn.invite()) }),
  };
  if (signIn === null) return [invitation];
  const reader = createBodyReader(bodies);
  const [enter, renew] = [createDoor(), createDoor()];
  const exchange: PublicPage = {
    path: signInPath,
    method: "POST",
    ownLimits: true,
    accepts: () => true,
    async reply(request) {
      // For this type, a browser asks first whether a page of another origin may send it, and that
      // is refused.
      if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
        throw new OpsError("unsupported_media_type", "Send application/json");
      }
      const grant = await readGrant(request, reader);
      const door = "refreshToken" in grant ? renew : enter;
      return toReply(await door(request, () => signIn.exchange(grant)));
    },
  };
  return [invitation, exchange];
}

async function readGrant(request: PublicRequest, reader: BodyReader): Promise<Grant> {
  const sent = parseJson((await reader.read(request, maxBodyBytes)).toString());
  const grant = z.union([codeGrant, renewalGrant]).safeParse(sent);
  if (!grant.success) throw new OpsError("invalid_request", "Send code, verifier and redirectUri, or refreshToken");
  return grant.data;
}

/**
 * Runs requests to the provider within the limits of their network and of all networks together.
 * They reject with rate_limited and overloaded.
 */
function createDoor(): <Answer>(request: PublicRequest, run: () => Promise<Answer>) => Promise<Answer> {
  const [ofNetwork, ofSite] = [createThrottle(attempts), createThrottle(attemptsOfSite)];
  const admission = createAdmission(places);
  return async (request, run) => {
    const network = toNetwork(request.ip ?? "");
    const site = toSite(network);
    const waitS = ofNetwork.hit(network) || (site === network ? 0 : ofSite.hit(site));
    if (waitS > 0)
      throw new OpsError("rate_limited", "Too many sign-ins at once", { headers: { "Retry-After": String(waitS) } });
    if (!admission.enter(false, site) && !(await admission.wait(site, network))) throw overloaded();
    try {
      // The client has left, so nobody reads this answer, and the provider is not asked.
      if (request.isAborted) throw overloaded();
      return await run();
    } catch (error) {
      if (error instanceof OpsError && error.code === "invalid_request") admission.suspect(site);
      throw error;
    } finally {
      admission.leave(site);
    }
  };
}

const overloaded = () => new OpsError("overloaded", "Too many sign-ins at once");

function toReply(body: object): EdgeReply {
  return { status: 200, body: JSON.stringify(body), route: signInPath, policy: noStore };
}
