import { z } from "zod";
import type { SignIn } from "../auth/oidc.ts";
import { createThrottle } from "../auth/throttle.ts";
import type { EdgeReply, PublicPage } from "../http/surface.ts";
import { parseJson } from "../lib/http-client.ts";
import { OpsError } from "../lib/errors.ts";
import { signInPath } from "./screens.ts";

const maxBodyBytes = 16_384;
const text = z.string().min(1).max(8000);
const grant = z.union([
  z.strictObject({ code: text, verifier: text, redirectUri: text }),
  z.strictObject({ refreshToken: text }),
]);

/** Attempts of all together: each is a request to the provider. */
const attempts = { burst: 60, perSecond: 5 };

const noStore = ["X-Content-Type-Options", "nosniff", "Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];

/**
 * Sign-in with an identity provider, for the console: GET says whether there is one (`{"oidc": null}` without), POST changes a code or a refresh token into tokens.
 * Both need no token: they are how one gets it.
 */
export function createSignInPages(signIn: SignIn | null): PublicPage[] {
  const throttle = createThrottle(attempts);
  const invitation: PublicPage = {
    path: signInPath,
    accepts: () => true,
    reply: async () => toReply({ oidc: signIn && (await signIn.invite()) }),
  };
  if (signIn === null) return [invitation];
  const exchange: PublicPage = {
    path: signInPath,
    method: "POST",
    accepts: () => true,
    async reply(request) {
      // A page of another origin cannot send this type without being asked first, and is refused then.
      if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
        throw new OpsError("unsupported_media_type", "Send application/json");
      }
      const waitS = throttle.hit("");
      if (waitS > 0)
        throw new OpsError("rate_limited", "Too many sign-ins at once", { headers: { "Retry-After": String(waitS) } });
      const sent = grant.safeParse(parseJson((await request.body(maxBodyBytes)).toString()));
      if (!sent.success) throw new OpsError("invalid_request", "Send code, verifier and redirectUri, or refreshToken");
      return toReply(await signIn.exchange(sent.data));
    },
  };
  return [invitation, exchange];
}

function toReply(body: object): EdgeReply {
  return { status: 200, body: JSON.stringify(body), route: signInPath, policy: noStore };
}
