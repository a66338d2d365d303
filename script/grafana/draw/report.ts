/** What a panel shows, as its page reads it from the scene and the document. */
export interface DrawnPanel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  /** The state of its data: `Done`, `Error` or `Loading`. */
  readonly state: string;
  /** Texts of its error badge, of errors in place of its content, and of errors in its frames' notices. */
  readonly errors: readonly string[];
  /** Rows of all its frames; of a graph, values within the time range. */
  readonly values: number;
  /** Grafana's text in place of content, such as "No data". */
  readonly placeholder: string | null;
  /** Whether its content has a size and, where it is drawn on a canvas, any ink. */
  readonly drawn: boolean;
  readonly columns: readonly DrawnColumn[];
  /** Addresses of its links. */
  readonly links: readonly string[];
}

/** A column of a table. */
export interface DrawnColumn {
  readonly name: string;
  /** Marked as text: its override, or the panel's default, has "Wrap text" (`custom.wrapText`). */
  readonly isText: boolean;
  /** Texts of its cells, or its name, that are not visible to their end; of the rows that are scrolled into view. */
  readonly cut: readonly string[];
}

export interface DrawnDashboard {
  readonly uid: string;
  readonly panels: readonly DrawnPanel[];
  /** Errors that the page wrote to the console or threw. */
  readonly faults: readonly string[];
}
