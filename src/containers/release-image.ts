import type { Environment } from "../lib/environment.ts";

/** One release's image of the service, on one engine. */
export interface ReleaseImage {
  readonly engine: string;
  /** Its label `service`, which Kamal sets on each image. */
  readonly service: string;
  /** From its label `service`; else the engine's, unless a core container there has another. Null when unknown. */
  readonly env: Environment | null;
  /** Its tag; Kamal's containers have the same version. */
  readonly version: string;
  /** Its OCI revision label, or its tag where that is a commit; "" when unknown. */
  readonly commitSha: string;
  /** RFC 3339. */
  readonly builtAt: string;
  /** When it was last tagged there, which Kamal does when it boots a release; null when it was only pulled. RFC 3339. */
  readonly taggedAt: string | null;
}
