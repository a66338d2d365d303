import type { Environment } from "../../lib/environment.ts";
import { toContainerEnv } from "../kamal/environment.ts";
import { isOwnService } from "../kamal/origin.ts";
import { isFloatingTag, toImageTag, toSha } from "../kamal/version.ts";
import type { ReleaseImage } from "../release-image.ts";
import type { Engine } from "./engine/engine.ts";
import type { Snapshot } from "./engine/inventory.ts";
import { type ImageInspectAnswer, imageInspectAnswer, imageListAnswer } from "./http/answers.ts";

export interface ImageReader {
  /** The images of the services that an engine has, from memory for a minute. None from one that is away or refuses: a filtered socket may. Never rejects. */
  read(engine: Engine, signal: AbortSignal): Promise<readonly ReleaseImage[]>;
}

interface ImageReaderOptions {
  readonly services: readonly string[];
  readonly timeoutMs: number;
  /** @default 60000 */
  readonly keepMs?: number;
}

/** The newest are looked at: Kamal keeps five containers, and prunes the images of others. */
const mostImages = 20;

/**
 * What images tell of releases whose containers are gone: Kamal builds them with the label `service`, and gives the one that it boots the tag `latest`,
 * of which the engine keeps the time (`Metadata.LastTagTime`).
 */
export function createImageReader({ services, timeoutMs, keepMs = 60_000 }: ImageReaderOptions): ImageReader {
  const byEngine = new Map<Engine, { readonly at: number; readonly images: Promise<readonly ReleaseImage[]> }>();

  const fetch = async (engine: Engine): Promise<readonly ReleaseImage[]> => {
    const known = await engine.known(AbortSignal.timeout(timeoutMs));
    const context = { rules: known.context.rules, env: toSharedEnv(known) };
    const inspect = async (id: string) => {
      const answer = await engine.limit(() => engine.ask(timeoutMs, (signal) => engine.client.inspectImage(id, signal)));
      return imageInspectAnswer.safeParse(answer).data ?? null;
    };
    const listed = imageListAnswer.parse(await engine.ask(timeoutMs, (signal) => engine.client.listImages(signal)));
    const own = listed.filter(({ Labels: labels }) => isOwnService(labels["service"] ?? "", services));
    const newest = own.toSorted((a, b) => b.Created - a.Created).slice(0, mostImages);
    // One may be pruned meanwhile.
    const answers = await Promise.all(newest.map(({ Id }) => inspect(Id).catch(() => null)));
    return answers.flatMap((answer, index) => {
      // As a container of it that says nothing more: its label, else what is configured.
      const facts = { labels: newest[index]?.Labels ?? {}, name: "", state: "", variables: {} };
      const service = facts.labels["service"] ?? "";
      return answer ? toImages(answer, { engine: engine.name, service, env: toContainerEnv(facts, context) }) : [];
    });
  };
  return {
    async read(engine, signal) {
      const { status } = await engine.view(signal);
      if (!status.ok) return [];
      const last = byEngine.get(engine);
      if (last && performance.now() - last.at < keepMs) return last.images;
      const images = fetch(engine).catch(() => last?.images ?? []);
      byEngine.set(engine, { at: performance.now(), images });
      return images;
    },
  };
}

/** What is configured of the engine, unless a core container there is of another environment: then an image that says nothing may be of either. */
function toSharedEnv(snapshot: Snapshot): Environment | null {
  const { env } = snapshot.context;
  const core = [...snapshot.visible, ...snapshot.listRetired()].filter(({ kind }) => kind === "core");
  return core.every((container) => container.env === env) ? env : null;
}

/** One for each tag that names a release. */
function toImages(answer: ImageInspectAnswer, where: Pick<ReleaseImage, "engine" | "service" | "env">): ReleaseImage[] {
  const { RepoTags: names, Created: builtAt, Config: config, Metadata: metadata } = answer;
  const versions = new Set((names ?? []).map(toImageTag).filter((tag) => tag !== "<none>" && !isFloatingTag(tag)));
  if (Number.isNaN(Date.parse(builtAt))) return [];
  const tagged = Date.parse(metadata?.LastTagTime ?? "");
  // An image that was never tagged here has the year 1.
  const taggedAt = tagged > 0 ? new Date(tagged).toISOString() : null;
  const revision = config?.Labels["org.opencontainers.image.revision"];
  return [...versions].map((version) => ({ ...where, version, commitSha: revision || toSha(version), builtAt, taggedAt }));
}
