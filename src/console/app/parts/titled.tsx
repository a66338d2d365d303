import type { ComponentChildren } from "preact";

/** A screen whose subject is not there, or not yet: it has a heading all the same. */
export function Titled({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <>
      <div class="heading">
        <h1 class="isolate">{title}</h1>
      </div>
      {children}
    </>
  );
}
