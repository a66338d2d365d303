import { listen } from "./listening.ts";

const repeated = (part: string, bytes: number) =>
  Array(Math.floor(bytes / (part.length + 1)))
    .fill(part)
    .join();

/** What a region answers that is broken, or that an attacker runs. */
export const regionAnswers = {
  "4 MB of errors": `{"data":{"containers":[]},"errors":[${repeated('{"message":"x","path":["containers",0,"name"]}', 4e6)}]}`,
  "4 MB of empty rows": `{"data":{"containers":[${repeated("{}", 4e6)}]}}`,
  "4 MB of rows": `{"data":{"containers":[${repeated('{"name":"web-1","id":"abc"}', 4e6)}]}}`,
} as const;

/** The messages of subscriptions. */
export const regionMessages = {
  "a message of 4 MB of rows": `{"data":{"containers":{"changed":[${repeated('{"id":"abc","name":"web"}', 4e6)}],"ended":null}}}`,
  "a message of 5 MB of empty rows": `{"data":{"containers":{"changed":[${repeated("{}", 5e6)}],"ended":null}}}`,
  "a message of names that are all different": `{"data":{"containers":{"changed":[],"ended":null,"x":{${Array.from({ length: 300_000 }, (_, index) => `"k${index}":1`).join()}}}}}`,
} as const;

/** A region that accepts every token, and answers as it was last told. */
export async function startRegionWorld() {
  let [answer, message] = ["{}", "{}"];
  const server = await listen((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.once("end", () => {
      if (body.includes('"{__typename}"')) return void response.end('{"data":{"__typename":"Query"}}');
      const isStream = request.headers.accept === "text/event-stream";
      response.setHeader("content-type", isStream ? "text/event-stream" : "application/json");
      if (!isStream) return void response.end(answer);
      return void response.end(`:\n\nevent: next\ndata: ${message}\n\nevent: complete\ndata:\n\n`);
    });
  });
  return {
    ...server,
    say: (text: string) => void (answer = text),
    send: (text: string) => void (message = text),
  };
}
