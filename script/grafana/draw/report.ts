/** What a panel shows, as its page reads it from the scene and the document. */
export interface DrawnPanel {
  readonly id: number;
  readonly title: string;
  readonly isTitleCut: boolean;
  /**
   * Errors of its queries and of their notices, its error badge, and a failure in place of its
   * content.
   */
  readonly errors: readonly string[];
  /** Rows of all its frames; of a graph, the values within the time range. */
  readonly values: number;
  /** Grafana's text in place of content, such as "No data". */
  readonly placeholder: string | null;
  /** Its content has a size and a text; on a canvas, any ink. */
  readonly isDrawn: boolean;
  /** Of a table. */
  readonly columns: readonly DrawnColumn[];
  /** Addresses of its links. */
  readonly links: readonly string[];
}

export interface DrawnColumn {
  readonly name: string;
  readonly isNameCut: boolean;
  /** Marked as text: "Wrap text" (`custom.wrapText`) is on. */
  readonly isText: boolean;
  /**
   * Texts that are not visible to their end, of the rows in view. A column that begins right of the
   * panel has one: its name.
   */
  readonly cut: readonly string[];
}

export interface DrawnDashboard {
  readonly uid: string;
  readonly panels: readonly DrawnPanel[];
  /** Annotations that fail, and errors that the page wrote to its console. */
  readonly faults: readonly string[];
}
