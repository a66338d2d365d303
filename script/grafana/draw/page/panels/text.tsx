import { PanelPlugin, type PanelProps, renderMarkdown, textUtil } from "@grafana/data";

interface Options {
  readonly mode: "markdown" | "html" | "code";
  readonly content: string;
}

function TextPanel({ options, replaceVariables }: PanelProps<Options>) {
  const text = replaceVariables(options.content, {}, "html");
  const html = options.mode === "markdown" ? renderMarkdown(text) : textUtil.sanitize(text);
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}

export const text = new PanelPlugin<Options>(TextPanel as never);
