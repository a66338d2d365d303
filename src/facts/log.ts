/** What happened to a container whose log is followed, after its name. */
export const logNotices = {
  STOPPED: { tone: "warn", text: "stopped: lines continue at its next start" },
  RESUMED: { tone: "muted", text: "resumed: it runs again" },
  ENGINE_LOST: {
    tone: "bad",
    text: "engine lost: its engine does not answer; lines continue when it does, none will be missing",
  },
  JOINED: { tone: "muted", text: "joined: it is followed from here on" },
  LEFT: { tone: "muted", text: "left: it no longer belongs to the role" },
  TRUNCATED: { tone: "warn", text: "truncated: too many lines to read at once; the oldest are missing" },
  UNREADABLE: { tone: "bad", text: "unreadable: its log cannot be read; retrying" },
} as const;
