import { goKeys, overlay } from "../page/keys.ts";
import { useEffect, useRef } from "preact/hooks";

const others = [
  ["Ctrl/⌘ K", "find or do"],
  ["/", "search"],
  [".", "reopen the last filter"],
  ["↑ ↓ or j k", "move through the rows"],
  ["Enter", "open"],
  ["f", "follow a log, or pause"],
  ["Home End", "first loaded line, end of the log"],
  ["Esc", "close"],
  ["?", "show these keys"],
] as const;

/** The keys. */
export function Help() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <>
      <div class="backdrop" onClick={() => (overlay.value = null)} />
      <div class="dialog" role="dialog" aria-modal="true" aria-label="Keys" tabIndex={-1} ref={box}>
        <h2>Keys</h2>
        <div class="help">
          {Object.entries(goKeys).map(([key, [, name]]) => (
            <div key={key}>
              <span>{name}</span>
              <span>
                <kbd>g</kbd> <kbd>{key}</kbd>
              </span>
            </div>
          ))}
          {others.map(([key, name]) => (
            <div key={key}>
              <span>{name}</span>
              <kbd>{key}</kbd>
            </div>
          ))}
        </div>
      </div>
    </>
  );
}
