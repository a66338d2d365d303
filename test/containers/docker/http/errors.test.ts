import { once } from "node:events";
import { linkSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AnswerError, isLost, StatusError, toDockerError } from "../../../../src/containers/docker/http/errors.ts";
import { DeadlineError } from "../../../../src/lib/abort.ts";
import { OpsError } from "../../../../src/lib/errors.ts";

const coded = (code: unknown) => Object.assign(new Error("/var/run/docker.sock"), { code });
const named = (name: string) => Object.assign(new Error("secret"), { name });
const authority = "TLS failed: its certificate is not from the configured authority, or ours cannot be used";
const clientCertificate = "it refuses our client certificate, or wants one";
const group = "no permission for its socket: give the gateway's user the socket's group";
const notAllowed = "the call is not allowed: a socket proxy must let it through (see the README)";

describe("an error of Docker", () => {
  it.each<[string, unknown, string, string]>([
    ["a deadline", new DeadlineError(2000), "docker_timeout", "no answer within 2 s"],
    ["a short deadline", new DeadlineError(1234), "docker_timeout", "no answer within 1.2 s"],
    ["a long deadline", new DeadlineError(75_400), "docker_timeout", "no answer within 75 s"],
    ["an answer of ours", new AnswerError("it answered nonsense"), "docker_error", "it answered nonsense"],
    ["a caller's timeout", named("TimeoutError"), "docker_timeout", "the call was given up before it answered"],
    ["a caller who left", named("AbortError"), "docker_timeout", "the call was given up before it answered"],
    ["a plain error", new Error("x"), "docker_error", "the call failed"],
    ["a code that is no text", coded(7), "docker_error", "the call failed"],
    ["an unknown code", coded("EWHAT"), "docker_error", "the call failed"],
    [
      "ENOENT",
      coded("ENOENT"),
      "docker_unavailable",
      "its socket does not exist: is Docker running, and is its socket mounted at this path?",
    ],
    [
      "ECONNREFUSED",
      coded("ECONNREFUSED"),
      "docker_unavailable",
      "nothing listens there: is Docker running? A socket that was mounted before Docker made a new one is dead: restart the gateway",
    ],
    [
      "ECONNRESET",
      coded("ECONNRESET"),
      "docker_unavailable",
      "it closed the connection: is it restarting, or does it want another client certificate?",
    ],
    ["EPIPE", coded("EPIPE"), "docker_unavailable", "it closed the connection: is it restarting?"],
    ["ENOTFOUND", coded("ENOTFOUND"), "docker_unavailable", "its host name cannot be resolved"],
    ["EAI_AGAIN", coded("EAI_AGAIN"), "docker_unavailable", "its host name cannot be resolved now"],
    ["EHOSTUNREACH", coded("EHOSTUNREACH"), "docker_unavailable", "its host cannot be reached"],
    ["ENETUNREACH", coded("ENETUNREACH"), "docker_unavailable", "its network cannot be reached"],
    ["ETIMEDOUT", coded("ETIMEDOUT"), "docker_unavailable", "its host does not answer"],
    ["EACCES", coded("EACCES"), "docker_forbidden", group],
    ["EPERM", coded("EPERM"), "docker_forbidden", group],
    [
      "DOCKER_ENV",
      coded("DOCKER_ENV"),
      "docker_unavailable",
      "DOCKER_HOST or DOCKER_CERT_PATH in the gateway's environment cannot be used: unset them",
    ],
    ["TLS_FILES", coded("TLS_FILES"), "docker_unavailable", "its TLS files (ca.pem, cert.pem, key.pem) cannot be read"],
    ["SSH_FILES", coded("SSH_FILES"), "docker_unavailable", "its SSH key or known_hosts file cannot be read"],
    [
      "SSH_UNKNOWN_HOST",
      coded("SSH_UNKNOWN_HOST"),
      "docker_forbidden",
      "its SSH host is not in the known_hosts file: put its key there (ssh-keyscan, then compare)",
    ],
    [
      "SSH_HOST_KEY",
      coded("SSH_HOST_KEY"),
      "docker_forbidden",
      "its SSH host shows another key than the known_hosts file has: it was rebuilt, or is an impostor",
    ],
    ["SSH_AUTH", coded("SSH_AUTH"), "docker_forbidden", "its SSH server refuses our key"],
    [
      "SSH_FORWARD",
      coded("SSH_FORWARD"),
      "docker_unavailable",
      "its SSH server does not lead to the socket: does it exist there, and may the user open it?",
    ],
    ["SSH_CLOSED", coded("SSH_CLOSED"), "docker_unavailable", "its SSH server closed the connection"],
    ["EPROTO", coded("EPROTO"), "docker_unavailable", "TLS failed: it may not speak TLS on this port"],
    [
      "a plain port",
      coded("ERR_SSL_WRONG_VERSION_NUMBER"),
      "docker_unavailable",
      "TLS failed: it does not speak TLS on this port",
    ],
    [
      "another plain port",
      coded("ERR_SSL_PACKET_LENGTH_TOO_LONG"),
      "docker_unavailable",
      "TLS failed: it does not speak TLS on this port",
    ],
    [
      "another name",
      coded("ERR_TLS_CERT_ALTNAME_INVALID"),
      "docker_unavailable",
      "TLS failed: its certificate is for another name",
    ],
    ["a TLS alert", coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), "docker_forbidden", clientCertificate],
    ["another TLS alert", coded("ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE"), "docker_forbidden", clientCertificate],
    ["an alert of something else", coded("XERR_SSL_ALERT"), "docker_error", "the call failed"],
    ["a self-signed certificate", coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "docker_unavailable", authority],
    ["an unknown issuer", coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "docker_unavailable", authority],
    ["an SSL error", coded("ERR_SSL_X"), "docker_unavailable", authority],
    ["a TLS error", coded("ERR_TLS_X"), "docker_unavailable", authority],
    ["an OpenSSL error", coded("ERR_OSSL_X"), "docker_unavailable", authority],
    ["401", new StatusError(401, ""), "docker_forbidden", notAllowed],
    ["403", new StatusError(403, ""), "docker_forbidden", notAllowed],
    ["405", new StatusError(405, ""), "docker_forbidden", notAllowed],
    ["404", new StatusError(404, ""), "container_not_found", "no such container"],
    ["400", new StatusError(400, "bad parameter"), "docker_error", "it answered with status 400"],
    [
      "an old version",
      new StatusError(400, "client version 1.2 is too old"),
      "docker_error",
      "it does not speak the API versions that the gateway knows",
    ],
    [
      "HTTP to HTTPS",
      new StatusError(400, "Client sent an HTTP request to an HTTPS server."),
      "docker_unavailable",
      "it wants TLS on this port",
    ],
    [
      "a 500 that says it",
      new StatusError(500, "client version, HTTPS server"),
      "docker_error",
      "it answered with status 500",
    ],
    ["501", new StatusError(501, ""), "docker_error", "its logging driver keeps no logs that can be read"],
    ["502", new StatusError(502, ""), "docker_unavailable", "the proxy before it does not reach it"],
    ["503", new StatusError(503, ""), "docker_unavailable", "the proxy before it does not reach it"],
    ["504", new StatusError(504, ""), "docker_timeout", "the proxy in front of it timed out"],
    ["409", new StatusError(409, "secret"), "docker_error", "it answered with status 409"],
  ])("by %s has a remedy", (_, error, code, reason) => {
    const shown = toDockerError(error, "web-1");
    expect([shown.code, shown.message]).toEqual([code, `Docker engine web-1: ${reason}`]);
    expect([shown.cause, shown.upstream]).toEqual([error, "docker:web-1"]);
    expect(shown.upstreamStatus).toBe(error instanceof StatusError ? error.status : undefined);
  });

  it("is unchanged if it is already ours", () => {
    const known = new OpsError("restart_in_progress", "x");
    expect(toDockerError(known, "web-1")).toBe(known);
  });

  it("has its status and hides its body", () => {
    const error = new StatusError(418, "a secret of the proxy");
    expect([error.name, error.message, error.status]).toEqual(["StatusError", "HTTP 418", 418]);
    expect(error.says("secret of")).toBe(true);
    expect(error.says("nothing")).toBe(false);
    expect(Object.entries(error)).toEqual([
      ["status", 418],
      ["name", "StatusError"],
    ]);
    const deadline = new DeadlineError(7);
    expect([deadline.name, deadline.message, deadline.after]).toEqual(["DeadlineError", "No answer within 7 ms", 7]);
    expect(new AnswerError("x").name).toBe("AnswerError");
  });
});

it.each([
  [new OpsError("docker_unavailable", "x"), true],
  [new OpsError("docker_forbidden", "x"), true],
  [new OpsError("docker_timeout", "x"), false],
  [new OpsError("docker_error", "x"), false],
  [new OpsError("docker_error", "x", { cause: new StatusError(400, "") }), true],
  [new OpsError("docker_error", "x", { cause: new StatusError(500, "") }), false],
  [new OpsError("docker_error", "x", { cause: Object.assign(new Error("x"), { status: 400 }) }), false],
])("after %o another engine may be there: %s", (error, lost) => {
  expect(isLost(error)).toBe(lost);
});

it("a mounted socket that Docker has replaced is dead, with a remedy", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "ops-stale-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [host, mounted] = [join(folder, "docker.sock"), join(folder, "mounted.sock")];
  const startDocker = async () => {
    const docker = createServer((_, response) => response.end()).listen(host);
    await once(docker, "listening");
    return docker;
  };
  const ask = (socketPath: string) =>
    new Promise<unknown>((resolve) => {
      request({ socketPath, agent: false }, (response) => resolve(response.statusCode))
        .once("error", (error) => resolve(toDockerError(error, "a").message))
        .end();
    });
  const docker = await startDocker();
  // As a mount of the socket alone, it keeps the file that is there now.
  linkSync(host, mounted);
  expect(await ask(mounted)).toBe(200);
  docker.close();
  await once(docker, "close");
  const another = await startDocker();
  stack.defer(() => void another.close());
  expect(await ask(host)).toBe(200);
  expect(await ask(mounted)).toBe(
    "Docker engine a: nothing listens there: is Docker running? A socket that was mounted before Docker made a new one is dead: restart the gateway",
  );
});
