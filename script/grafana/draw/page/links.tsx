import { sceneGraph, SceneObjectBase, type SceneObjectState } from "@grafana/scenes";
import { Icon, PanelChrome } from "@grafana/ui";

interface LinksState extends SceneObjectState {
  readonly links: readonly { readonly title: string; readonly url: string }[];
}

class PanelLinks extends SceneObjectBase<LinksState> {
  static Component = ({ model }: { model: PanelLinks }) =>
    model.state.links.map(({ title, url }) => (
      <PanelChrome.TitleItem key={url} href={sceneGraph.interpolate(model, url)} title={title}>
        <Icon name="external-link-alt" size="md" />
      </PanelChrome.TitleItem>
    ));
}

/** A panel's links, beside its title. */
export function toTitleItems(links: readonly object[]): PanelLinks {
  return new PanelLinks({ links: links as LinksState["links"] });
}
