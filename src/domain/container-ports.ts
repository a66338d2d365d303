import type { PublishedPort } from "./container-facts.ts";

/**
 * Published ports as `HostIp:HostPort`, by number, each once. The `::` twin of a port that is also open on 0.0.0.0 is dropped:
 * Docker publishes both for one `-p`.
 */
export function toPorts(published: readonly PublishedPort[]): string[] {
  const ports = published.map((port) => (port.hostIp === "" ? { ...port, hostIp: "0.0.0.0" } : port));
  const isTwin = (port: PublishedPort) =>
    port.hostIp === "::" &&
    ports.some((other) => other.hostIp === "0.0.0.0" && other.hostPort === port.hostPort && other.protocol === port.protocol);
  const kept = ports.filter((port) => port.hostPort > 0 && !isTwin(port));
  kept.sort((a, b) => a.hostPort - b.hostPort || (a.hostIp < b.hostIp ? -1 : 1));
  return [...new Set(kept.map(formatPort))];
}

function formatPort(port: PublishedPort): string {
  return port.hostIp.includes(":") ? `[${port.hostIp}]:${port.hostPort}` : `${port.hostIp}:${port.hostPort}`;
}
