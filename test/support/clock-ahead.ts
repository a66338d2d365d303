import { shiftClock } from "./shifted-clock.ts";

/**
 * For `--import`: a process for which six minutes have passed, so that what settles for five has
 * settled.
 */
shiftClock(360);
