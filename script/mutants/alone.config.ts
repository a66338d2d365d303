import { defineConfig } from "vitest/config";
import shared, { alone, settings } from "./vitest.config.ts";

// Tests that cannot share their process with other files: few and quick.
export default defineConfig({ ...shared, test: { ...settings, include: alone, exclude: [] } });
