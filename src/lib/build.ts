import manifest from "../../package.json" with { type: "json" };

/**
 * The build: the commit, its first 12 hex digits (`-changed` after them if the tree had uncommitted
 * changes), and the time of the build.
 */
export interface Build {
  readonly commit: string;
  /** RFC 3339, UTC. */
  readonly builtAt: string;
}

/** Written into the bundle by script/build.ts. */
declare const bundledBuild: Build | undefined;

/** The version of package.json. */
export const released = manifest.version;

/** Null when run from sources. */
export const built: Build | null = typeof bundledBuild === "undefined" ? null : bundledBuild;

/**
 * The version with its build, in the format of SemVer 2.0.0: `0.3.0+5158384e3c7e.20261201T034500Z`,
 * or `0.3.0+sources` when run from sources. Precedence ignores everything after the `+`.
 */
export const version = toVersion(built);

export function toVersion(build: Build | null): string {
  if (build === null) return `${released}+sources`;
  return `${released}+${build.commit}.${build.builtAt.replaceAll(/[-:]/g, "")}`;
}
