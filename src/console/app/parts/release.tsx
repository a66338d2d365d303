import { useState } from "preact/hooks";
import { copyText } from "./copy.ts";
import { toShortRelease } from "../../../lib/short-release.ts";

interface ReleaseProps {
  readonly version: string | null | undefined;
  /** Where there is room for all of it. */
  readonly isWhole?: boolean;
}

/** A release as people say it; whole on hover, copied by a click. */
export function Release({ version, isWhole = false }: ReleaseProps) {
  const [isCopied, setCopied] = useState(false);
  if (!version) return <span class="none">unknown</span>;
  const copy = async (event: MouseEvent) => {
    event.preventDefault();
    event.stopPropagation();
    await copyText(version);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <button
      type="button"
      class="copy code isolate"
      title={`${version} (click: copy)`}
      onClick={(event) => void copy(event)}
    >
      {isCopied ? "copied" : isWhole ? version : toShortRelease(version)}
    </button>
  );
}
