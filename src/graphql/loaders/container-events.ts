import type { Container } from "../../domain/container.ts";
import type { ContainerEvent, EventBatch } from "../../domain/container-event.ts";
import { needsDeploy, withDeploy } from "../../domain/release.ts";
import type { OpsContext } from "../context.ts";

/** Events of the containers that are accepted; resolves once the engines are watched. */
export async function followEvents(context: OpsContext, accepts: (container: Container) => boolean, signal: AbortSignal) {
  const { sources } = context;
  // Read from before the question on: what happens while it is out is not lost.
  const batches = sources.containers.events(({ container }) => accepts(container), signal);
  await sources.containers.list(signal);
  return name(context, batches);
}

/** Releases are named as on the list of containers. */
async function* name({ loaders }: OpsContext, batches: AsyncIterable<EventBatch>): AsyncGenerator<EventBatch, void> {
  for await (const batch of batches) {
    if (!batch.events.some(({ container }) => needsDeploy(container))) {
      yield batch;
      continue;
    }
    loaders.forget();
    const find = await loaders.containers.infoFor();
    const events = batch.events.map((event): ContainerEvent => {
      const { container } = event;
      return { ...event, container: withDeploy(container, find(container)) };
    });
    yield { ...batch, events };
  }
}
