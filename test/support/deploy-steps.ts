import * as drift from "../../src/deploys/drift.ts";
import * as groups from "../../src/deploys/groups.ts";
import * as merge from "../../src/deploys/merge.ts";
import * as release from "../../src/deploys/release.ts";
import * as state from "../../src/deploys/state.ts";
import type { Steps } from "../../src/lib/budget/steps.ts";
import { finish } from "./steps.ts";

/** As the work in steps, which it does at once. */
const whole =
  <Args extends readonly unknown[], T>(work: (...args: Args) => Steps<T>) =>
  (...args: Args): T =>
    finish(work(...args));

export const createGroupFinder = whole(groups.createGroupFinder);
export const createInfoFor = whole(release.createInfoFor);
export const assignGroups = whole(groups.assignGroups);
export const fromContainers = whole(merge.fromContainers);
export const fromImages = whole(merge.fromImages);
export const mergeDeploys = whole(merge.mergeDeploys);
export const judgeDeploys = whole(state.judgeDeploys);
export const findDrift = whole(drift.findDrift);
