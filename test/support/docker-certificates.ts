import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of an authority's certificate and of one certificate and key that it signed. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * An authority in `folder`, made with openssl, that signs certificates for servers at 127.0.0.1 and
 * for clients.
 */
export function createAuthority(folder: string): {
  issue(name: string, usage: "serverAuth" | "clientAuth"): Certificates;
} {
  mkdirSync(folder, { recursive: true });
  const path = (file: string) => join(folder, file);
  const ca = path("ca.pem");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
    "-keyout",
    path("ca-key.pem"),
    "-out",
    ca,
  );
  return {
    issue(name, usage) {
      const [cert, key, request, extensions] = ["cert", "key", "csr", "ext"].map((kind) =>
        path(`${name}-${kind}.pem`),
      ) as [string, string, string, string];
      writeFileSync(extensions, `extendedKeyUsage=${usage}\nsubjectAltName=IP:127.0.0.1\n`);
      openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", key, "-out", request);
      const signing = [
        "-CA",
        ca,
        "-CAkey",
        path("ca-key.pem"),
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        extensions,
      ];
      openssl("x509", "-req", "-in", request, ...signing, "-out", cert);
      return { ca, cert, key };
    },
  };
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}
