import { toSocketCode } from "./http-client.ts";

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at its address",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  ENOTFOUND: "its host name cannot be resolved",
  EAI_AGAIN: "its host name cannot be resolved now",
  EHOSTUNREACH: "there is no route to its host",
  ENETUNREACH: "there is no route to its network",
  ETIMEDOUT: "its host does not answer",
  ENOENT: "its socket does not exist",
  EACCES: "we have no permission to open its socket",
  EPROTO: "it does not speak TLS on this port",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on this port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS on this port",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is from an authority that we do not trust",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is from an authority that we do not trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is from an authority that we do not trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is from an authority that we do not trust",
};

/** Why Node could not connect, in words and with its code; null for an error of another kind. */
export function explainSocket(error: unknown): string | null {
  const code = toSocketCode(error);
  const reason = Object.hasOwn(reasons, code) ? reasons[code] : null;
  return reason ? `${reason} (${code})` : null;
}
