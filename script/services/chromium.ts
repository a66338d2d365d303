import { type Browser, chromium } from "playwright-core";
import { toLaunchOptions } from "./chromium-options.ts";

/** Debian's Chromium. */
export function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch(toLaunchOptions(flags));
}
