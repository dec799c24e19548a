/** The look of the graph: JupyterLab's own variables, with fallbacks for pages that have none. */

const STYLE = `
.floe-graph { position: relative; contain: layout paint; width: 100%; height: 100%; min-height: 120px; overflow: hidden;
  background: var(--jp-layout-color1, Canvas); color: var(--jp-ui-font-color1, CanvasText);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.floe-graph > svg { display: block; position: absolute; inset: 0; width: 100%; height: 100%; outline: none; cursor: grab; touch-action: pan-y; }
.floe-graph > svg:active { cursor: grabbing; }
.floe-graph > svg:focus-visible { box-shadow: inset 0 0 0 2px var(--jp-brand-color1, #1976d2); }
.floe-graph text { font-size: 11px; fill: var(--jp-ui-font-color2, GrayText); user-select: none; pointer-events: none; }
.floe-node { cursor: pointer; outline: none; }
.floe-node .box { fill: var(--jp-layout-color0, Field); stroke: var(--jp-border-color1, #9e9e9e); stroke-width: 1.2; }
.floe-node:hover .box { fill: var(--jp-layout-color2, ButtonFace); }
.floe-graph .floe-node .name { font-size: 13px; font-weight: 500; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-node .badge { fill: var(--jp-layout-color3, #d5d5d5); }
.floe-graph .floe-node .lang { font-size: 10px; font-weight: 600; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-node .counts { font-variant-numeric: tabular-nums; }
.floe-node .bar { stroke: var(--jp-border-color1, #9e9e9e); stroke-width: 4; stroke-linecap: round; fill: none; }
.floe-node { --floe-tone: var(--jp-border-color1, #9e9e9e); }
.floe-node[data-status=busy] { --floe-tone: var(--jp-brand-color1, #1976d2); }
.floe-node[data-status=loading] { --floe-tone: var(--jp-info-color1, #0097a7); }
.floe-node[data-status=held], .floe-node[data-status=full] { --floe-tone: var(--jp-warn-color1, #e65100); }
.floe-node[data-status=failed], .floe-node[data-status=refused] { --floe-tone: var(--jp-error-color1, #d32f2f); }
.floe-node .bar { stroke: var(--floe-tone); }
.floe-node:not([data-status=idle]) .box { stroke: var(--floe-tone); }
.floe-node.selected .box { stroke: var(--jp-brand-color1, #1976d2); stroke-width: 2.5; }
.floe-node:focus-visible .box { stroke: var(--jp-brand-color1, #1976d2); stroke-width: 2.5; stroke-dasharray: 5 2; }
.floe-node .dot .reach { fill: transparent; stroke: none; }
.floe-node .dot .port { fill: var(--jp-layout-color1, Canvas); stroke: var(--jp-border-color0, #757575); stroke-width: 1.2; }
.floe-node .dot:hover .port { r: 6px; fill: var(--jp-error-color1, #d32f2f); opacity: .6; }
.floe-node .dot .mark-shape { fill: var(--jp-error-color1, #d32f2f); stroke: var(--jp-error-color1, #d32f2f); stroke-width: 1.2; pointer-events: none; }
.floe-node .dot:not([data-look=none]) .port { r: 6px; stroke: none; opacity: 1; fill: var(--jp-layout-color1, Canvas); }
.floe-node .dot[data-look=off] .mark-shape { fill: var(--jp-layout-color1, Canvas); stroke-width: 1.6; }
.floe-node .queue rect { fill: var(--jp-layout-color4, #757575); }
.floe-node .letter rect { fill: var(--jp-warn-color1, #e65100); stroke: var(--jp-layout-color1, Canvas); stroke-width: 1.5; }
.floe-node .letter:hover rect { stroke: var(--jp-brand-color1, #1976d2); }
.floe-graph .queue text, .floe-graph .letter text, .floe-graph .mark text { fill: #fff; font-weight: 600; font-variant-numeric: tabular-nums; }
.floe-graph .mark text { text-anchor: middle; font-size: 12px; }
.floe-node .mark circle { fill: var(--jp-error-color1, #d32f2f); }
.floe-wire .way { fill: none; marker-end: url(#floe-arrow); stroke: var(--jp-border-color0, #9e9e9e); stroke-width: 1.5; }
.floe-wire[data-full=true] .way { stroke: var(--jp-warn-color1, #e65100); stroke-width: 2.5; }
.floe-wire[data-moving=true] .way { stroke: var(--jp-brand-color1, #1976d2); }
.floe-wire:hover .way { stroke-width: 3; }
.floe-graph .floe-wire text { text-anchor: middle; pointer-events: auto; paint-order: stroke; stroke: var(--jp-layout-color1, Canvas); stroke-width: 4px;
  stroke-linejoin: round; font-variant-numeric: tabular-nums; }
.floe-wire.quiet text { display: none; }
.floe-wire.quiet:hover text { display: inline; }
.floe-graph .arrow { fill: var(--jp-border-color0, #9e9e9e); }
.floe-graph .floe-node .sign { display: none; font-size: 25px; font-weight: 500; text-anchor: middle; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-graph > svg.far text { display: none; }
.floe-graph > svg.far:not(.nameless) .floe-node .sign { display: inline; }
.floe-graph > svg.far .floe-node .box { fill: color-mix(in srgb, var(--floe-tone) 30%, var(--jp-layout-color0, Field)); }
.floe-graph > svg.far .way, .floe-graph > svg.far .box { vector-effect: non-scaling-stroke; }
.floe-graph > svg.far .way { stroke-width: .8; marker-end: none; pointer-events: none; }
.floe-graph > svg.far :is(.dot, .bar, .badge) { display: none; }
.floe-zoom { position: absolute; right: 6px; bottom: 6px; display: flex; gap: 2px; border-radius: 4px;
  background: var(--jp-layout-color1, Canvas); border: 1px solid var(--jp-border-color2, #e0e0e0); opacity: .75; }
.floe-zoom:hover, .floe-zoom:focus-within { opacity: 1; }
.floe-zoom button { width: 24px; height: 24px; padding: 4px; border: 0; background: none; cursor: pointer; border-radius: 3px; }
.floe-zoom button:hover { background: var(--jp-layout-color2, ButtonFace); }
.floe-zoom svg { display: block; width: 16px; height: 16px; fill: none; stroke: var(--jp-inverse-layout-color3, #757575); stroke-width: 1.6; }
@media (prefers-reduced-motion: no-preference) {
  .floe-graph > svg:not(.far) .floe-wire[data-moving=true] .way { stroke-dasharray: 6 4; }
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
