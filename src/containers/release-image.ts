import type { Environment } from "../lib/environment.ts";

/** The image of one release of the service, as one engine has it. */
export interface ReleaseImage {
  readonly engine: string;
  /** Its label `service`, which Kamal gives each image. */
  readonly service: string;
  /** What its label `service` says; else that of its engine, unless a core container there is of another. Null when unknown. */
  readonly env: Environment | null;
  /** Its tag, which Kamal's containers have for a version. */
  readonly version: string;
  /** Its OCI revision label, or its tag where that is a commit; "" when unknown. */
  readonly commitSha: string;
  /** RFC 3339. */
  readonly builtAt: string;
  /** When it was last given a tag there, which Kamal does as it boots a release; null when it was only pulled. RFC 3339. */
  readonly taggedAt: string | null;
}
