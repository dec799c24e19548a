/**
 * Flow in the output of a cell: the widget while alive, otherwise the picture saved beside the widget.
 *
 * Without this renderer a reopened notebook would say "model not found", and an updated output would draw its widget anew.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, Widget } from '@lumino/widgets';

/** MIME type in each output of `floe_jupyter/kernel/display/widget.py`. */
const OURS = 'application/vnd.floe.flow+json';
const VIEW = 'application/vnd.jupyter.widget-view+json';
/** Rank before the widgets of ipywidgets, which have -10. */
const RANK = -20;

/** Milliseconds between two looks for the manager of ipywidgets, and maximum number of looks. */
const AGAIN = 500;
const TIMES = 240;

interface Registry {
  getFactory(mimeType: string): unknown;
  addFactory(factory: IRenderMime.IRendererFactory, rank: number): void;
  createRenderer(mimeType: string): IRenderMime.IRenderer;
}

class FlowOutput extends Panel implements IRenderMime.IRenderer {
  private live: IRenderMime.IRenderer | null = null;
  private model = '';
  private readonly observer = new MutationObserver(() => this.choose());
  private picture: Widget | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly registry: Registry) {
    super();
    this.addClass('floe-output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    await this.draw(model);
    // the same renderers draw a notebook that becomes trusted
    const id = model.trusted ? ((model.data[VIEW] as { model_id?: string } | undefined)?.model_id ?? '') : '';
    if (id !== this.model) {
      this.model = id;
      await this.renderWidget(model);
    }
    this.choose();
  }

  private async renderWidget(model: IRenderMime.IMimeModel): Promise<void> {
    this.live?.dispose();
    this.live = null;
    clearTimeout(this.timer);
    if (this.model) {
      const live = (this.live = this.registry.createRenderer(VIEW));
      this.observer.observe(live.node, { childList: true, attributes: true, attributeFilter: ['class'] });
      this.addWidget(live);
      this.choose();
      this.wait(model, this.registry.getFactory(VIEW), TIMES);
      await live.renderModel(model);
    }
  }

  /**
   * Wait for the manager of ipywidgets. On loading a page, ipywidgets learns of the kernel after outputs were drawn, and hands
   * its manager to the renderers found, but not to nested ones: the nested renderer is made again, by the factory that knows the
   * manager.
   */
  private wait(model: IRenderMime.IMimeModel, factory: unknown, times: number): void {
    this.timer = setTimeout(() => {
      if (this.isDisposed || this.alive || !times) {
        return;
      }
      if (this.registry.getFactory(VIEW) === factory) {
        this.wait(model, factory, times - 1);
      } else {
        void this.renderWidget(model).then(() => this.choose());
      }
    }, AGAIN);
  }

  override dispose(): void {
    clearTimeout(this.timer);
    this.observer.disconnect();
    super.dispose();
  }

  /** Draw the picture beside the widget. As an image the picture runs no code, so untrusted notebooks show it, too. */
  private async draw(model: IRenderMime.IMimeModel): Promise<void> {
    const next = model.trusted && model.data['text/html'] ? this.registry.createRenderer('text/html') : image(model);
    if ('renderModel' in next) {
      await (next as IRenderMime.IRenderer).renderModel(model);
    }
    this.picture?.dispose();
    this.picture = next;
    this.insertWidget(0, next);
  }

  /**
   * True while the widget lives. Widgets of ipywidgets are a panel, empty while no model exists, and hidden after the model was
   * closed.
   */
  private get alive(): boolean {
    return Boolean(this.live && (this.live as unknown as Panel).widgets?.length && !this.live.isHidden);
  }

  private choose(): void {
    const { alive } = this;
    if (this.live) {
      this.live.node.style.display = alive ? '' : 'none';
    }
    this.picture?.setHidden(alive);
  }
}

function image(model: IRenderMime.IMimeModel): Widget {
  const node = document.createElement('div');
  const svg = model.data['image/svg+xml'];
  if (typeof svg === 'string') {
    const img = document.createElement('img');
    img.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    img.alt = String(model.data['text/plain'] ?? 'the flow');
    img.style.maxWidth = '100%';
    node.append(img);
  }
  const text = document.createElement('pre');
  text.textContent = String(model.data['text/plain'] ?? '');
  node.append(text);
  return new Widget({ node });
}

function register(registry: Registry): void {
  registry.addFactory({ safe: true, mimeTypes: [OURS], createRenderer: () => new FlowOutput(registry) }, RANK);
}

/** Plug-in that renders flows in outputs. */
export const outputs: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:outputs',
  description: 'Shows flows in outputs: live, or as they were saved.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker) => {
    notebooks.forEach(notebook => register(notebook.content.rendermime as Registry));
    notebooks.widgetAdded.connect((_sender, notebook) => register(notebook.content.rendermime as Registry));
  }
};
