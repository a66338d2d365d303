import {
  ControlsLabel,
  dataLayers,
  SceneDataLayerSet,
  type SceneObject,
  sceneGraph,
  SceneObjectBase,
  type SceneObjectState,
} from "@grafana/scenes";
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

/** The dashboard's annotations. */
export function getAnnotations(scene: SceneObject): InstanceType<typeof dataLayers.AnnotationsDataLayer>[] {
  const sets = sceneGraph.getDataLayers(scene).filter((one) => one instanceof SceneDataLayerSet);
  return sets.flatMap(({ state }) => state.layers).filter((one) => one instanceof dataLayers.AnnotationsDataLayer);
}

/** A switch for each of the dashboard's annotations. */
export class AnnotationControls extends SceneObjectBase {
  static Component = ({ model }: { model: AnnotationControls }) =>
    getAnnotations(model)
      .filter(({ state }) => !state.isHidden)
      .map((layer) => (
        <div key={layer.state.name} style={{ display: "flex" }}>
          <ControlsLabel htmlFor={`data-layer-${layer.state.key}`} label={layer.state.name} />
          <layer.Component model={layer} />
        </div>
      ));
}
