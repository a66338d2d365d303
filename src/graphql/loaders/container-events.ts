import type { Container } from "../../domain/container.ts";
import type { ContainerEvent, EventBatch } from "../../domain/container-event.ts";
import { maySee } from "../../domain/principal.ts";
import { needsDeploy, withDeploy } from "../../domain/release.ts";
import type { OpsContext } from "../context.ts";

/** Events of the containers that are accepted; resolves once the engines are watched. */
export async function followEvents(context: OpsContext, accepts: (container: Container) => boolean, signal: AbortSignal) {
  const { sources } = context;
  // Read from before the question on: what happens while it is out is not lost.
  const batches = sources.containers.events(({ container }) => accepts(container), signal);
  await sources.containers.list(signal);
  return name(context, withoutStrangers(context, batches));
}

/** Without the names of engines that the caller may not see. */
async function* withoutStrangers(
  { loaders, principal }: OpsContext,
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch, void> {
  for await (const batch of batches) {
    if (batch.interrupted.length === 0 || maySee(principal, null)) {
      yield batch;
      continue;
    }
    loaders.forget();
    const { shown } = await loaders.containers.engines();
    const interrupted = batch.interrupted.filter((engine) => shown.some(({ name: own }) => own === engine));
    if (interrupted.length > 0 || batch.events.length > 0 || batch.ended !== null) yield { ...batch, interrupted };
  }
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
