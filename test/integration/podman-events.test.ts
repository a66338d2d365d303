import { afterAll, describe, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { findRows, removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

const podman = inject("podman");
const socketPath = "socketPath" in podman ? podman.socketPath : "";

describe.skipIf("missing" in podman)(`Podman${"missing" in podman ? ` (skipped: ${podman.missing})` : ""}`, () => {
  const engines = [{ name: "pod-1", env: null, address: { kind: "unix", socketPath } as const }];
  const source = createContainerSource({ engines, rules: rulesOf("podevents"), logger: silentLogger });
  afterAll(() => source.close());

  test("events are in Docker's words; a stopped, removed container is gone", async () => {
    const abort = new AbortController();
    const events: ContainerEvent[] = [];
    const reading = (async () => {
      for await (const batch of source.events(({ container }) => container.service === "podevents", abort.signal)) {
        events.push(...batch.events);
      }
    })();
    await source.list(soon());
    const has = (wanted: string) => until(async () => events.some(({ action }) => action === wanted));
    const labels = { service: "podevents", role: "web", destination: "staging" };
    const cmd = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];
    const id = await startContainer(socketPath, { name: "podevents-web", labels, cmd, env: ["KAMAL_VERSION=v7"] });
    await has("start");
    await callDocker(socketPath, "POST", `/containers/${id}/pause`);
    await callDocker(socketPath, "POST", `/containers/${id}/unpause`);
    await callDocker(socketPath, "POST", `/containers/${id}/rename?name=podevents-renamed`);
    await callDocker(socketPath, "POST", `/containers/${id}/stop?t=5`);
    const rows = () => findRows(source, [{ engine: "pod-1", fullId: id }]);
    // What follows `die` a second later has been asked.
    await until(
      async () =>
        (await rows())[0] !== null &&
        events.some(({ time, action }) => action === "die" && Date.parse(time) < Date.now() - 2000),
    );
    await removeContainers(socketPath, [id]);
    await until(async () => (await rows())[0] === null, 1000);
    await has("destroy");
    abort.abort("done");
    await reading;
    // `stop` only when Podman, which waits for the end, sees it before its own cleanup process
    // does: libpod, Container.stop.
    const told = events.map(({ action }) => action).filter((action) => action !== "stop");
    expect(told).toEqual(["create", "start", "pause", "unpause", "rename", "die", "destroy"]);
    expect(events.find(({ action }) => action === "die")).toMatchObject({ exitCode: 3 });
    for (const { container } of events)
      expect(container).toMatchObject({ env: "staging", role: "web", version: "v7", kind: "core" });
  });
});
