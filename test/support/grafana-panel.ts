/** What Grafana 13 POSTs to /query for a panel. */
export function panelBody(targets: readonly object[], more: object = {}) {
  return {
    app: "dashboard",
    requestId: "SQR100",
    timezone: "browser",
    range: { from: "2026-11-24T14:52:57.574Z", to: "2026-11-24T20:52:57.574Z", raw: { from: "now-6h", to: "now" } },
    rangeRaw: { from: "now-6h", to: "now" },
    interval: "30s",
    intervalMs: 30_000,
    maxDataPoints: 800,
    targets: targets.map((target) => ({
      datasource: { type: "simpod-json-datasource", uid: "x" },
      editorMode: "builder",
      ...target,
    })),
    scopedVars: {
      __interval: { text: "30s", value: "30s" },
      __interval_ms: { text: "30000", value: 30_000 },
      q: { selected: false, text: ["a"], value: ["payouts"] },
    },
    startTime: 1_795_553_577_857,
    panelId: 1,
    panelName: "Depth",
    panelPluginId: "timeseries",
    dashboardUID: "d",
    dashboardTitle: "Queues",
    filters: [],
    ...more,
  };
}

/** The same for the last hour. */
export function lastHour(targets: readonly object[], more: object = {}) {
  const now = Date.now();
  const range = { from: new Date(now - 3_600_000).toISOString(), to: new Date(now).toISOString() };
  return panelBody(targets, { range, interval: "15s", intervalMs: 15_000, maxDataPoints: 240, ...more });
}
