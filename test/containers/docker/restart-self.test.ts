import { describe, expect, it } from "vitest";
import { readSelf } from "../../../src/containers/docker/restart.ts";

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
  ])("finds its own container by %s", async (_, mountinfo, cgroup, host) => {
    const why = await check(mountinfo, cgroup, host);
    expect([why(own), why(other)]).toEqual(["the gateway itself runs in it", null]);
  });

  it("takes no container of its host for its own", async () => {
    const shm = `90 27 0:50 / /var/lib/docker/containers/${other}/mounts/shm rw,nosuid - tmpfs shm rw`;
    const why = await check(shm, "0::/init.scope", "web-1", null);
    expect([why(own), why(other)]).toEqual([null, null]);
  });

  it.each(["/.dockerenv", "/run/.containerenv"])("protects all of them when its own is unknown (%s)", async (mark) => {
    const why = await check("", "0::/", "ops", mark);
    expect([why(own), why(other)]).toEqual(
      Array(2).fill("the gateway runs in a container but does not know in which one"),
    );
  });

  it("finds nothing here, and does not fail", async () => {
    expect((await readSelf())(other)).toBeNull();
  });
});

describe("the evidence of the own container", () => {
  const found = async (mountinfo: string, cgroup = "0::/", host = "vm") => {
    const why = await check(mountinfo, cgroup, host, null);
    return [why(own), why(other)].map((reason) => reason !== null);
  };

  it.each([
    ["hosts", mount(own, "hosts"), [true, false]],
    ["two files", `${mount(own, "hostname")}\n${mount(own, "hosts")}`, [true, false]],
    [
      "files of Podman",
      `1 2 0:3 /containers/overlay-containers/${own}/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw`,
      [true, false],
    ],
    ["another file", mount(own, "passwd"), [false, false]],
    ["a file below it", mount(own, "hostname").replace(" /etc/hostname", " /mnt/etc/hostname"), [false, false]],
    ["a file of a longer name", mount(own, "hosts").replace(" /etc/hosts ", " /etc/hosts.bak "), [false, false]],
    ["half an id", mount(own.slice(1), "hostname"), [false, false]],
  ])("is the mount of %s", async (_, mountinfo, expected) => {
    expect(await found(mountinfo)).toEqual(expected);
  });

  it.each([
    [`0::/machine.slice/libpod-${own}.scope`, true],
    [`0::/machine.slice/libpod-${own}.scope/container`, true],
    [`0::/libpod_parent/libpod-${own}`, true],
    [`1:cpu:/x\n2:memory:/docker/${own}\n`, true],
    [`0::/docker/${own}x`, false],
    [`0::/docker/x${own}`, false],
    [`0::/docker/${own}.scopes`, false],
    [`0::/docker/${own.slice(1)}`, false],
  ])("is the cgroup %s: %s", async (cgroup, known) => {
    expect(await found("", cgroup)).toEqual([known, false]);
  });

  it.each([
    [own.slice(0, 12), true],
    [own.slice(0, 11), false],
    [own.slice(0, 13), false],
    [`x${own.slice(0, 12)}`, false],
    [own.slice(1, 13), false],
  ])("is the host name %s: %s", async (host, known) => {
    expect(await found("", "0::/", host)).toEqual([known, false]);
  });

  it("may be the host name alone", async () => {
    const why = await check("", "0::/", own.slice(0, 12));
    expect([why(own), why(other)]).toEqual(["the gateway itself runs in it", null]);
  });

  it("is missing if files cannot be read", async () => {
    const why = await readSelf(async () => null, "vm");
    expect(why(own)).toBeNull();
  });
});
