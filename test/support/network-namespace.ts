import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

const run = (command: string, ...args: readonly string[]) =>
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });

/**
 * A network of its own for processes, joined to this machine by two interfaces. A cut loses
 * packets, as a network does: connections hang. Needs root.
 */
export function createNamespace() {
  const id = randomInt(2 ** 16);
  const [name, outside] = [`ops-${id}`, `ops-v${id}`];
  const net = `10.${213 + (id >> 14)}.${(id >> 6) % 256}`;
  const first = (id % 64) * 4;
  const [hostAddress, address] = [`${net}.${first + 1}`, `${net}.${first + 2}`];
  const inside = (...args: readonly string[]) => run("ip", "netns", "exec", name, ...args);
  run("ip", "netns", "add", name);
  run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name);
  run("ip", "addr", "add", `${hostAddress}/30`, "dev", outside);
  run("ip", "link", "set", outside, "up");
  inside("ip", "addr", "add", `${address}/30`, "dev", "eth0");
  for (const device of ["eth0", "lo"]) inside("ip", "link", "set", device, "up");
  return {
    /** Runs a command in it. */
    prefix: ["ip", "netns", "exec", name],
    address,
    /** This machine, as seen from there. */
    hostAddress,
    /** Loses all packets, or only those that come in: then requests arrive and answers do not. */
    cut(direction: "both" | "in"): void {
      inside("iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP");
      if (direction === "both") inside("iptables", "-A", "OUTPUT", "-o", "eth0", "-j", "DROP");
    },
    mend: () => void inside("iptables", "-F"),
    /**
     * Names are asked there, in processes that start later: `ip netns exec` puts this file in the
     * place of /etc/resolv.conf.
     */
    resolveBy(server: string): void {
      mkdirSync(`/etc/netns/${name}`, { recursive: true });
      writeFileSync(`/etc/netns/${name}/resolv.conf`, `nameserver ${server}\n`);
    },
    remove(): void {
      run("ip", "netns", "del", name);
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    },
  };
}

export type NetworkNamespace = ReturnType<typeof createNamespace>;
