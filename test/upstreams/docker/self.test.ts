import { describe, expect, it } from "vitest";
import { readSelf } from "../../../src/upstreams/docker/self.ts";

const own = "a1".repeat(32);
const other = "b2".repeat(32);
const mount = (id: string, file: string) =>
  `611 590 8:1 /var/lib/docker/containers/${id}/${file} /etc/${file} rw,relatime - ext4 /dev/sda1 rw`;

function isSelf(mountinfo: string, cgroup = "0::/", host = "vm") {
  return readSelf(async (path) => (path.endsWith("mountinfo") ? mountinfo : cgroup), host);
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
    const is = await isSelf(mountinfo, cgroup, host);
    expect([is(own), is(other)]).toEqual([true, false]);
  });

  it("takes no container of the host it runs on for itself", async () => {
    const shm = `90 27 0:50 / /var/lib/docker/containers/${other}/mounts/shm rw,nosuid - tmpfs shm rw`;
    const is = await isSelf(shm, "0::/init.scope", "web-1");
    expect([is(own), is(other)]).toEqual([false, false]);
  });

  it("finds nothing here, and does not fail", async () => {
    expect((await readSelf())(other)).toBe(false);
  });
});
