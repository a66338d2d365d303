/** An address that only this machine reaches. */
export interface LoopbackAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

export const loopbackForm = "a loopback address with a port, such as 127.0.0.1:9464 or [::1]:9464: what it serves needs no token";

/** `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`; null for anything else, also for a port alone. */
export function parseLoopback(text: string): LoopbackAddress | null {
  const [, name = "", digits = ""] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (name === "" || port > 65_535 || name.split(".").some((part) => Number(part) > 255)) return null;
  // A resolver may map "localhost" to another address.
  return { host: name === "localhost" ? "127.0.0.1" : name.replace(/[[\]]/g, ""), port };
}
