import { chmodSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";

/**
 * Runs in the place of wollomatic/socket-proxy, whose image cannot be had here: with its arguments,
 * as its user, with its mounts. Sends on what `-allowGET` matches, anchored as there, and refuses
 * the rest.
 */
function argument(name: string): string {
  const found = process.argv.find((word) => word.startsWith(`-${name}=`));
  if (found === undefined) throw new Error(`-${name} is missing`);
  return found.slice(name.length + 2);
}

const socketPath = argument("socketpath");
const endpoint = argument("proxysocketendpoint");
const allowed = new RegExp(`^${argument("allowGET")}$`);

const server = createServer((incoming, response) => {
  const { method = "", url = "", headers } = incoming;
  if (method !== "GET" || !allowed.test(url.replace(/\?.*/, ""))) {
    response.writeHead(403).end();
    return;
  }
  const call = request({ socketPath, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
  });
  // As a reverse proxy in Go does, also where the engine breaks off after it received the call.
  call.once("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.once("close", () => call.destroy());
  call.end();
});
rmSync(endpoint, { force: true });
server.listen(endpoint, () => chmodSync(endpoint, Number.parseInt(argument("proxysocketendpointfilemode"), 8)));
