/**
 * For tests that run Grafana's own code without a browser: packages of this folder are found only
 * from here.
 */
export * from "@grafana/data";
