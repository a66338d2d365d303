import { describe, expect, it } from "vitest";
import { readSelf } from "../../../src/upstreams/docker/self.ts";

const own = "a1".repeat(32);
const other = "b2".repeat(32);
const mount = (id: string, file: string) =>
  `611 590 8:1 /var/lib/docker/containers/${id}/${file} /etc/${file} rw,relatime - ext4 /dev/sda1 rw`;

/** In a container, unless `mark` is null. */
function check(mountinfo: string, cgroup = "0::/", host = "vm", mark: string | null = "/.dockerenv") {
  const files = new Map([
    ["/proc/self/mountinfo", mountinfo],
    ["/proc/self/cgroup", cgroup],
    ...(mark ? [[mark, ""] as const] : []),
  ]);
  return readSelf(async (path) => files.get(path) ?? null, host);
}

describe("readSelf", () => {
  it.each([
    ["the files that Docker mounts", mount(own, "hostname"), "0::/", "vm"],
    ["resolv.conf alone", mount(own, "resolv.conf"), "0::/", "vm"],
    ["a cgroup of v1", "", `12:memory:/docker/${own}`, "vm"],
    ["a cgroup of systemd", "", `0::/system.slice/docker-${own}.scope`, "vm"],
    ["a nested cgroup", "", `0::/docker/${own}/init`, "vm"],
    ["the host name that Docker made up", "", "0::/", own.slice(0, 12)],
  ])("knows itself by %s", async (_, mountinfo, cgroup, host) => {
    const why = await check(mountinfo, cgroup, host);
    expect([why(own), why(other)]).toEqual(["the gateway itself runs in it", null]);
  });

  it("takes no container of the host it runs on for itself", async () => {
    const shm = `90 27 0:50 / /var/lib/docker/containers/${other}/mounts/shm rw,nosuid - tmpfs shm rw`;
    const why = await check(shm, "0::/init.scope", "web-1", null);
    expect([why(own), why(other)]).toEqual([null, null]);
  });

  it.each(["/.dockerenv", "/run/.containerenv"])("spares all of them when it cannot tell in which it runs (%s)", async (mark) => {
    const why = await check("", "0::/", "ops", mark);
    expect([why(own), why(other)]).toEqual(Array(2).fill("the gateway runs in a container and cannot tell in which"));
  });

  it("finds nothing here, and does not fail", async () => {
    expect((await readSelf())(other)).toBeNull();
  });
});
