import type { FieldConfigSource } from "@grafana/data";

interface Props {
  readonly fieldConfig: FieldConfigSource;
  readonly message?: string;
}

/** What Grafana shows in place of a panel that has nothing to show. */
export function NoData({ fieldConfig, message }: Props) {
  return (
    <div
      data-placeholder
      style={{ display: "flex", alignItems: "center", justifyContent: "center", width: "100%", height: "100%" }}
    >
      {message ?? fieldConfig.defaults.noValue ?? "No data"}
    </div>
  );
}
