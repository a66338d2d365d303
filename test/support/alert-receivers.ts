import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { json } from "node:stream/consumers";

/** What Alertmanager posts to a webhook. */
export interface WebhookMessage {
  readonly status: "firing" | "resolved";
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly {
    readonly status: "firing" | "resolved";
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** A receiver on 127.0.0.1 that stores what it receives. */
export interface Receiver<Message> extends AsyncDisposable {
  readonly port: number;
  readonly messages: readonly Message[];
}

/** Takes JSON by POST: a webhook, or Slack. */
export async function startHttpReceiver<Message>(): Promise<Receiver<Message>> {
  const messages: Message[] = [];
  const server = createServer((request, response) => {
    const take = async () => {
      messages.push((await json(request)) as Message);
      response.end("ok");
    };
    take().catch(() => response.writeHead(400).end());
  });
  return { messages, ...(await listen(server)) };
}

/** Takes e-mail by SMTP, without TLS; a message is its text with its headers. */
export async function startMailReceiver(): Promise<Receiver<string>> {
  const messages: string[] = [];
  const server = createTcpServer((socket) => {
    let pending = "";
    let mail: string[] | null = null;
    const reply = (text: string) => socket.write(`${text}\r\n`);
    const take = (line: string) => {
      if (mail && line === ".") {
        messages.push(mail.join("\n"));
        mail = null;
        reply("250 taken");
      } else if (mail) mail.push(line);
      else if (/^DATA$/i.test(line)) {
        mail = [];
        reply("354 go on");
      } else if (/^QUIT$/i.test(line)) socket.end("221 bye\r\n");
      else reply("250 ok");
    };
    reply("220 test");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const lines = (pending + String(chunk)).split("\r\n");
      pending = lines.pop() ?? "";
      for (const line of lines) take(line);
    });
  });
  return { messages, ...(await listen(server)) };
}

async function listen(server: Server | TcpServer) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      if ("closeAllConnections" in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
