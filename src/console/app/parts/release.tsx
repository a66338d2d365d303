import { useState } from "preact/hooks";
import { copyText } from "./copy.ts";

/** A release as people say it: 7 characters of a commit, else the tag itself; whole on hover, copied by a click. */
export function Release({ version }: { readonly version: string | null | undefined }) {
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
    <button type="button" class="copy code isolate" title={`${version} (click: copy)`} onClick={(event) => void copy(event)}>
      {isCopied ? "copied" : toShortRelease(version)}
    </button>
  );
}

export function toShortRelease(version: string): string {
  return /^[0-9a-f]{12,64}$/.test(version) ? version.slice(0, 7) : version;
}
