import { type Browser, chromium } from "playwright-core";
import { chromiumFlags } from "../../test/support/chromium.ts";
import { ownEnvironment } from "./process.ts";

/** Debian's Chromium. It ends with this process, whose signals are its own matter. */
export function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [...chromiumFlags, ...flags],
    env: ownEnvironment(),
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
