import { chromiumFlags } from "../../test/support/chromium.ts";
import { ownEnvironment } from "./process.ts";

/**
 * How playwright-core starts Debian's Chromium: it ends with this process, whose signals are its
 * own matter. Apart from the start, because bench/ has a playwright-core of its own.
 */
export function toLaunchOptions(flags: readonly string[] = []) {
  return {
    executablePath: "/usr/bin/chromium",
    args: [...chromiumFlags, ...flags],
    env: ownEnvironment(),
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  };
}
