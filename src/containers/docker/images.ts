import { createSharedBudget, inTurns } from "../../lib/budget/budget.ts";
import type { Asker } from "../../lib/budget/fair-limit.ts";
import type { Environment } from "../../lib/environment.ts";
import { toContainerEnv } from "../kamal/environment.ts";
import { isOwnService } from "../kamal/origin.ts";
import { isFloatingTag, toImageTag, toSha } from "../kamal/version.ts";
import type { ReleaseImage } from "../source.ts";
import type { Engine } from "./engine/engine.ts";
import type { Snapshot } from "./engine/inventory.ts";
import { imageAnswer, type ImageInspectAnswer, imageInspectAnswer } from "./http/answers.ts";
import { AnswerError } from "./http/errors.ts";

interface ImageReaderOptions {
  readonly services: readonly string[];
  readonly timeoutMs: number;
  /** @default 60000 */
  readonly ttlMs?: number;
}

/** What the reader needs of an engine. */
type ImageEngine = Pick<Engine, "name" | "client" | "ask" | "limits" | "view" | "known">;

/** One reading serves all who ask, so it waits as that of an owner of its own. */
const ours: Asker = { owner: "images", order: 0 };

/**
 * Only the newest are inspected: Kamal retains five containers, and prunes the images of others.
 */
const mostImages = 20;

/**
 * Finds releases whose containers are gone: Kamal builds their images with the label `service`, and
 * tags the one that it boots `latest`; the engine records the time (`Metadata.LastTagTime`).
 *
 * @returns the services' images on an engine, cached for a minute. Empty when the engine is lost.
 *   When it refuses the call, as a filtered socket may, the last known ones. Never rejects.
 */
export function createImageReader({ services, timeoutMs, ttlMs = 60_000 }: ImageReaderOptions) {
  const byEngine = new Map<ImageEngine, { readonly at: number; readonly images: Promise<readonly ReleaseImage[]> }>();

  const fetch = async (engine: ImageEngine): Promise<readonly ReleaseImage[]> => {
    const known = await engine.known(AbortSignal.timeout(timeoutMs));
    const context = { rules: known.context.rules, env: toSharedEnv(known) };
    const inspect = async (id: string) => {
      const answer = await engine.limits.inspect.run(ours, () =>
        engine.ask(timeoutMs, (signal) => engine.client.inspectImage(id, signal)),
      );
      return imageInspectAnswer.safeParse(answer).data ?? null;
    };
    const list = await engine.ask(timeoutMs, (signal) => engine.client.listImages(signal));
    if (!Array.isArray(list)) throw new AnswerError("unexpected response to GET /images/json");
    const budget = createSharedBudget(new AbortController().signal);
    const listed = await inTurns(list, budget, (image) => imageAnswer.parse(image));
    const own = listed.filter(({ Labels: labels }) => isOwnService(labels["service"] ?? "", services));
    const newest = own.toSorted((a, b) => b.Created - a.Created).slice(0, mostImages);
    // An image may be pruned meanwhile.
    const answers = await Promise.all(newest.map(({ Id }) => inspect(Id).catch(() => null)));
    return answers.flatMap((answer, index) => {
      // Like a container without other labels: by its label, else by the configuration.
      const raw = { labels: newest[index]?.Labels ?? {}, name: "", state: "", variables: {} };
      const service = raw.labels["service"] ?? "";
      return answer ? toImages(answer, { engine: engine.name, service, env: toContainerEnv(raw, context) }) : [];
    });
  };
  return async (engine: ImageEngine, signal: AbortSignal): Promise<readonly ReleaseImage[]> => {
    const { status } = await engine.view(signal);
    if (!status.ok) return [];
    const last = byEngine.get(engine);
    if (last && performance.now() - last.at < ttlMs) return last.images;
    const images = fetch(engine).catch(() => last?.images ?? []);
    byEngine.set(engine, { at: performance.now(), images });
    return images;
  };
}

/**
 * The engine's configured environment, unless a core container there has another: then an image
 * without one may belong to either.
 */
function toSharedEnv(snapshot: Snapshot): Environment | null {
  const { env } = snapshot.context;
  const core = [...snapshot.visible, ...snapshot.listRetired()].filter(({ kind }) => kind === "core");
  return core.every((container) => container.env === env) ? env : null;
}

/** One image for each tag that names a release. */
function toImages(answer: ImageInspectAnswer, where: Pick<ReleaseImage, "engine" | "service" | "env">): ReleaseImage[] {
  const { RepoTags: names, Created: builtAt, Config: config, Metadata: metadata } = answer;
  const versions = new Set((names ?? []).map(toImageTag).filter((tag) => tag !== "<none>" && !isFloatingTag(tag)));
  if (Number.isNaN(Date.parse(builtAt))) return [];
  const tagged = Date.parse(metadata?.LastTagTime ?? "");
  // An image that was never tagged here has the year 1.
  const taggedAt = tagged > 0 ? new Date(tagged).toISOString() : null;
  const revision = config?.Labels["org.opencontainers.image.revision"];
  return [...versions].map((version) => ({
    ...where,
    version,
    commitSha: revision || toSha(version),
    builtAt,
    taggedAt,
  }));
}
