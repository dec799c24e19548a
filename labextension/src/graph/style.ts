/** Style of the graph: JupyterLab's own variables, with fallbacks for pages without. */

import { addColors } from './colors';

const STYLE = `
.floe-graph { position: relative; contain: layout paint; width: 100%; height: 100%; min-height: 120px; overflow: hidden;
  background: var(--jp-layout-color1, Canvas); color: var(--jp-ui-font-color1, CanvasText);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.floe-graph > svg { display: block; position: absolute; inset: 0; width: 100%; height: 100%; outline: none; cursor: grab; touch-action: pan-y; }
.floe-graph > svg:active { cursor: grabbing; }
.floe-graph > svg:focus-visible { box-shadow: inset 0 0 0 2px var(--floe-brand); }
.floe-graph text { font-size: 11px; fill: var(--floe-quiet); user-select: none; pointer-events: none; }
.floe-node { cursor: pointer; outline: none; }
.floe-node .box { fill: var(--jp-layout-color0, Field); stroke: var(--floe-line); stroke-width: 1.2; }
.floe-node:hover .box { fill: var(--jp-layout-color2, ButtonFace); }
.floe-graph .floe-node .name { font-size: 13px; font-weight: 500; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-node .badge { fill: var(--jp-layout-color3, #d5d5d5); }
.floe-graph .floe-node .lang { font-size: 10px; font-weight: 600; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-node .counts { font-variant-numeric: tabular-nums; }
.floe-node .bar { stroke: var(--floe-line); stroke-width: 4; stroke-linecap: round; fill: none; }
.floe-node { --floe-tone: var(--floe-line); }
.floe-node[data-status=busy] { --floe-tone: var(--floe-brand); }
.floe-node[data-status=loading] { --floe-tone: var(--floe-info); }
.floe-node[data-status=held], .floe-node[data-status=full] { --floe-tone: var(--floe-warn); }
.floe-node[data-status=failed], .floe-node[data-status=refused] { --floe-tone: var(--floe-error); }
.floe-node .bar { stroke: var(--floe-tone); }
.floe-node:not([data-status=idle]) .box { stroke: var(--floe-tone); }
.floe-node.selected .box { stroke: var(--floe-brand); stroke-width: 2.5; }
.floe-node:focus-visible .box { stroke: var(--floe-brand); stroke-width: 2.5; stroke-dasharray: 5 2; }
.floe-node .dot .reach { fill: transparent; stroke: none; }
.floe-node .dot .port { fill: var(--jp-layout-color1, Canvas); stroke: var(--floe-line); stroke-width: 1.2; }
.floe-node .dot:hover .port { r: 6px; fill: var(--floe-error); opacity: .6; }
.floe-node .dot .mark-shape { fill: var(--floe-error); stroke: var(--floe-error); stroke-width: 1.2; pointer-events: none; }
.floe-node .dot:not([data-look=none]) .port { r: 6px; stroke: none; opacity: 1; fill: var(--jp-layout-color1, Canvas); }
.floe-node .dot[data-look=off] .mark-shape { fill: var(--jp-layout-color1, Canvas); stroke-width: 1.6; }
.floe-node .stack { fill: var(--jp-layout-color1, Canvas); stroke: var(--floe-tone); stroke-width: 1.2; }
.floe-node .breaks rect { fill: var(--floe-error); stroke: var(--jp-layout-color1, Canvas); stroke-width: 1.5; }
.floe-node .queue rect { fill: var(--floe-plate); stroke: var(--jp-layout-color1, Canvas); stroke-width: 1.5; }
.floe-node .letter rect { fill: var(--floe-warn); stroke: var(--jp-layout-color1, Canvas); stroke-width: 1.5; }
.floe-node .letter:hover rect { stroke: var(--floe-brand); }
.floe-graph :is(.queue, .breaks, .letter) text, .floe-graph .mark text { fill: var(--floe-on); font-weight: 600; font-variant-numeric: tabular-nums; }
.floe-graph .mark text { text-anchor: middle; font-size: 12px; }
.floe-node .mark circle { fill: var(--floe-error); }
.floe-wire .way { fill: none; marker-end: url(#floe-arrow); stroke: var(--floe-line); stroke-width: 1.5; }
.floe-wire[data-full=true] .way { stroke: var(--floe-warn); stroke-width: 2.5; }
.floe-wire[data-moving=true] .way { stroke: var(--floe-brand); }
.floe-wire:hover .way, .floe-wire.selected .way { stroke-width: 3; }
.floe-wire.selected .way { stroke: var(--floe-brand); }
.floe-wire .grip { fill: none; stroke: transparent; stroke-width: 12; pointer-events: stroke; cursor: pointer; }
.floe-graph .floe-wire text { text-anchor: middle; pointer-events: auto; paint-order: stroke; stroke: var(--jp-layout-color1, Canvas); stroke-width: 4px;
  stroke-linejoin: round; font-variant-numeric: tabular-nums; }
.floe-wire.quiet text { display: none; }
.floe-wire.quiet:hover text { display: inline; }
.floe-graph .arrow { fill: var(--floe-line); }
.floe-graph .floe-node .sign { display: none; font-size: 25px; font-weight: 500; text-anchor: middle; dominant-baseline: central; fill: var(--jp-ui-font-color1, CanvasText); }
.floe-graph > svg.small .floe-node .sign { display: inline; font-size: 18px; }
.floe-graph > svg.tiny .floe-node .sign { font-size: 36px; }
.floe-graph > svg.small .floe-wire text { font-size: 14px; }
.floe-graph > svg.small .floe-node > :is(.name, .lang, .status, .counts, .badge), .floe-graph > svg.far text { display: none; }
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
.floe-graph [hidden] { display: none !important; }
.floe-find { position: absolute; right: 6px; top: 6px; max-width: calc(100% - 12px); display: flex; align-items: center; gap: 2px; padding: 3px 4px 3px 6px; border-radius: 4px;
  background: var(--jp-layout-color1, Canvas); border: 1px solid var(--floe-line); box-shadow: 0 1px 4px rgb(0 0 0 / .2); font-size: 12px; }
.floe-find input { width: 150px; min-width: 0; flex: 1 1 auto; }
.floe-find span { min-width: 56px; padding: 0 4px; color: var(--jp-ui-font-color1, CanvasText); white-space: nowrap; }
.floe-find button { width: 22px; height: 22px; padding: 0; border: 0; border-radius: 3px; background: none; color: inherit; font: inherit; font-size: 15px; cursor: pointer; }
.floe-find button:hover { background: var(--jp-layout-color2, ButtonFace); }
.floe-node.found .box { stroke: var(--floe-warn); stroke-width: 3; fill: color-mix(in srgb, var(--floe-warn) 14%, var(--jp-layout-color0, Field)); }
.floe-graph > svg.far .floe-node.found .box { fill: color-mix(in srgb, var(--floe-warn) 45%, var(--jp-layout-color0, Field)); stroke-width: 4; }
.floe-map { position: absolute; left: 6px; bottom: 6px; border: 1px solid var(--floe-line); border-radius: 3px; overflow: hidden; cursor: pointer;
  touch-action: none; color: GrayText; background: var(--jp-layout-color1, Canvas); box-shadow: 0 1px 4px rgb(0 0 0 / .2); }
.floe-map canvas { display: block; }
.floe-map div { position: absolute; border: 2px solid var(--jp-ui-font-color1, CanvasText); border-radius: 2px; box-sizing: border-box; pointer-events: none;
  background: color-mix(in srgb, var(--jp-ui-font-color1, CanvasText) 8%, transparent); }
@media (prefers-reduced-motion: no-preference) {
  .floe-graph > svg:not(.far) .floe-wire[data-moving=true] .way { stroke-dasharray: 6 4; }
}`;

/** Add the style to a document once. */
export function addStyle(root: Document): void {
  addColors(root);
  if (!root.getElementById('floe-graph-style')) {
    const style = root.createElement('style');
    style.id = 'floe-graph-style';
    style.textContent = STYLE;
    root.head.append(style);
  }
}
