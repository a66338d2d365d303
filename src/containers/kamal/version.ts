import type { RawContainer } from "../container.ts";
import { isReplaced, toOrigin } from "./origin.ts";

export interface Version {
  readonly version: string;
  /** True when it is a moving tag, not a release. */
  readonly floating: boolean;
}

/**
 * Tags that move from release to release: latest, latest-<destination> (Kamal's own), main, master,
 * stable, edge.
 */
export function isFloatingTag(tag: string): boolean {
  return /^(?:latest|latest-.*|main|master|stable|edge)$/.test(tag);
}

/**
 * The release that a container runs: the first of KAMAL_VERSION, the image's OCI version label and
 * the image's tag that is not a moving tag; else the moving tag. For a container that is no app,
 * the image's tag ("redis:7-alpine" runs 7-alpine).
 */
export function toVersion(raw: RawContainer): Version {
  const tag = toImageTag(raw.image);
  const origin = toOrigin(raw);
  const candidates =
    origin === "app" || origin === "compose"
      ? [raw.variables?.kamalVersion ?? toNamedVersion(raw), raw.labels["org.opencontainers.image.version"], tag]
      : [tag];
  const known = candidates.filter((candidate): candidate is string => candidate !== undefined && candidate !== "");
  const release = known.find((candidate) => !isFloatingTag(candidate));
  return { version: release ?? known[0] ?? "", floating: release === undefined };
}

/**
 * The part of an app's name before its version: [service, role, destination, version] are joined by
 * "-".
 */
export function toNamePrefix({ labels }: Pick<RawContainer, "labels">): string {
  const parts = [labels["service"], labels["role"], labels["destination"]].filter((part) => part);
  return `${parts.join("-")}-`;
}

/** KAMAL_VERSION from the name of an app, where the variable is missing. */
function toNamedVersion({ name, labels }: RawContainer): string | undefined {
  const prefix = toNamePrefix({ labels });
  if (!labels["service"] || !labels["role"] || !name.startsWith(prefix)) return undefined;
  return (isReplaced(name) ? name.slice(0, -"_replaced_".length - 16) : name).slice(prefix.length);
}

/**
 * Tag of an image reference; the first 12 digits of its digest when it has only that; "latest" when
 * it has neither.
 */
export function toImageTag(image: string): string {
  const [name = "", digest] = image.split("@");
  const bare = /^(?:sha256:)?([0-9a-f]{64})$/.exec(name);
  if (bare?.[1]) return bare[1].slice(0, 12);
  // A colon before the last slash belongs to the registry's port.
  const tag = name.slice(name.lastIndexOf("/") + 1).split(":")[1];
  if (tag) return tag;
  return digest ? digest.replace(/^sha256:/, "").slice(0, 12) : "latest";
}

/**
 * The commit of an app's release: the image's OCI revision label, KAMAL_VERSION if that is a
 * commit, then GIT_SHA, COMMIT_SHA or SOURCE_COMMIT. "" when unknown (deploy_info may have it, see
 * deploys/release.ts) and for a container that is no app. The suffix of Kamal's host names is
 * random and never a commit.
 */
export function toCommitSha(raw: RawContainer): string {
  const origin = toOrigin(raw);
  if (origin !== "app" && origin !== "compose") return "";
  const revision = raw.labels["org.opencontainers.image.revision"];
  return revision || toSha(raw.variables?.kamalVersion ?? toNamedVersion(raw)) || raw.variables?.commitSha || "";
}

/**
 * The commit in a git version of Kamal, also of a dirty tree; else "". Digits alone are taken for a
 * date (20260110) unless they are 40.
 */
export function toSha(version: string | undefined): string {
  const match = /^([0-9a-f]{7,40})(?:_uncommitted_[0-9a-f]{16})?$/.exec(version ?? "");
  const sha = match?.[1] ?? "";
  return sha.length < 40 && /^\d*$/.test(sha) ? "" : sha;
}
