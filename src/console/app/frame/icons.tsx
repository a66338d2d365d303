/** The icons of the rail: strokes of 18 x 18, in the colour of their text. */
const paths: Readonly<Record<string, string>> = {
  now: "M1.5 9h3l2-5 4 10 2.5-5h3.5",
  containers: "M9 1.8 15.5 5v8L9 16.2 2.5 13V5zM2.5 5 9 8.2 15.5 5M9 8.2v8",
  logs: "M2.5 4h13M2.5 8h9M2.5 12h11M2.5 16h6",
  queues: "M2 4.5h14v3H2zM2 10.5h10v3H2zM14 10.5h2v3h-2",
  errors: "M9 2 16.5 15.5h-15zM9 7v4M9 13v.5",
  deploys: "M9 15V3M4.5 7.5 9 3l4.5 4.5M3 16h12",
  timeline: "M2 9h14M5 6v6M9.500 4v10M14 7v4",
  hosts: "M2.5 3h13v5h-13zM2.5 10h13v5h-13zM5 5.500h.1M5 12.500h.1M8 5.500h5M8 12.500h5",
  audit: "M4 2h7l3 3v11H4zM11 2v3h3M6.500 9h5M6.500 12h5",
  api: "M6 4 2 9l4 5M12 4l4 5-4 5",
};

export function Icon({ name }: { readonly name: string }) {
  return (
    <svg
      viewBox="0 0 18 18"
      fill="none"
      stroke="currentColor"
      stroke-width="1.400"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name] ?? ""} />
    </svg>
  );
}
