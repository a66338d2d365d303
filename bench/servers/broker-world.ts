import { listen } from "./listening.ts";

const pageSize = 500;

/** A RabbitMQ of so many queues, every tenth of them for dead letters of the nine before it. */
export async function startBrokerWorld(count: number) {
  const queues = Array.from({ length: count }, (_, index) => ({
    name: `queue-${index}`,
    vhost: "/",
    type: "classic",
    state: "running",
    exclusive: false,
    auto_delete: false,
    arguments:
      index % 10 === 0
        ? {}
        : { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": `queue-${index - (index % 10)}` },
    messages: index % 100,
    messages_ready: index % 100,
    messages_unacknowledged: 0,
    consumers: 1,
    message_stats: { ack: index, ack_details: { avg_rate: 1 } },
  }));
  const pages = Array.from({ length: Math.ceil(count / pageSize) }, (_, page) =>
    JSON.stringify({
      items: queues.slice(page * pageSize, (page + 1) * pageSize),
      page_count: Math.ceil(count / pageSize),
    }),
  );
  const bindings = JSON.stringify(
    queues.map(({ name }) => ({
      source: "",
      vhost: "/",
      destination: name,
      destination_type: "queue",
      routing_key: name,
      arguments: {},
    })),
  );
  return listen(({ url = "" }, response) => {
    const page = Number(new URL(url, "http://broker").searchParams.get("page") ?? 1);
    response.setHeader("content-type", "application/json");
    if (url.startsWith("/api/queues")) response.end(pages[page - 1]);
    else if (url.startsWith("/api/exchanges")) response.end('[{"name":"","vhost":"/","type":"direct"}]');
    else if (url.startsWith("/api/bindings")) response.end(bindings);
    else response.end(url.startsWith("/api/overview") ? "{}" : "[]");
  });
}
