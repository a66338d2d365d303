/** Placeholder until the graph has `problems`. */
export function Problems() {
  return <p />;
}
