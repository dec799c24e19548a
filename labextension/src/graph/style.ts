/** The look of the graph: JupyterLab's own variables, with fallbacks for pages that have none. */

export const STYLE = `
.floe-graph { position: relative; width: 100%; height: 100%; min-height: 120px; overflow: hidden;
  background: var(--jp-layout-color1, Canvas); color: var(--jp-ui-font-color1, CanvasText);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.floe-graph svg { display: block; width: 100%; height: 100%; outline: none; cursor: grab; touch-action: none; }
.floe-graph svg:focus-visible { box-shadow: inset 0 0 0 1px var(--jp-brand-color1, #1976d2); }
.floe-graph text { font-size: 11px; fill: var(--jp-ui-font-color2, #555); user-select: none; }
.floe-node { cursor: pointer; outline: none; }
.floe-node .box { fill: var(--jp-layout-color2, #eee); stroke: var(--jp-border-color1, #bdbdbd); stroke-width: 1; }
.floe-node .name { font-size: 13px; font-weight: 500; fill: var(--jp-ui-font-color1, #222); }
.floe-node .badge { fill: var(--jp-layout-color3, #bdbdbd); }
.floe-node .lang { font-size: 10px; font-weight: 600; fill: var(--jp-ui-font-color1, #222); }
.floe-node .bar { fill: transparent; }
.floe-node.busy .bar { fill: var(--jp-brand-color1, #1976d2); }
.floe-node.held .bar, .floe-node.full .bar { fill: var(--jp-warn-color1, #f57c00); }
.floe-node.failed .bar, .floe-node.refused .bar { fill: var(--jp-error-color1, #d32f2f); }
.floe-node.loading .bar { fill: var(--jp-layout-color4, #757575); }
.floe-node.selected .box, .floe-node:focus-visible .box { stroke: var(--jp-brand-color1, #1976d2); stroke-width: 2; }
.floe-node .dot { fill: var(--jp-error-color1, #d32f2f); opacity: 0; stroke: var(--jp-layout-color1, #fff); stroke-width: 1.5; }
.floe-node .dot:hover { opacity: .5; }
.floe-node .dot.set { opacity: 1; }
.floe-node .dot.off { fill: var(--jp-layout-color4, #757575); }
.floe-node .queue rect { fill: var(--jp-layout-color4, #757575); }
.floe-node.held .queue rect { fill: var(--jp-warn-color1, #f57c00); }
.floe-node .queue text, .floe-node .mark text { fill: var(--jp-layout-color0, #fff); font-weight: 600; text-anchor: middle; }
.floe-node .mark circle { fill: var(--jp-error-color1, #d32f2f); }
.floe-wire path { fill: none; stroke: var(--jp-border-color0, #9e9e9e); stroke-width: 1.5; }
.floe-wire.full path { stroke: var(--jp-warn-color1, #f57c00); }
.floe-wire.moving path { stroke: var(--jp-brand-color1, #1976d2); }
.floe-wire text { text-anchor: middle; paint-order: stroke; stroke: var(--jp-layout-color1, #fff); stroke-width: 4px;
  font-variant-numeric: tabular-nums; }
.floe-graph .arrow { fill: var(--jp-border-color0, #9e9e9e); }
@media (prefers-reduced-motion: no-preference) {
  .floe-wire.moving path { stroke-dasharray: 6 4; animation: floe-flow .5s linear infinite; }
  @keyframes floe-flow { to { stroke-dashoffset: -10; } }
}`;

/** Puts the style into a document once. */
export function addStyle(root: Document): void {
  if (!root.getElementById('floe-graph-style')) {
    const style = root.createElement('style');
    style.id = 'floe-graph-style';
    style.textContent = STYLE;
    root.head.append(style);
  }
}
