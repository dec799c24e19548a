/** The look of the panel: JupyterLab's own variables, rows as in its debugger. */

const STYLE = `
.floe-sidebar .jp-SidePanel-header { text-transform: none; letter-spacing: 0; font-weight: normal; font-size: var(--jp-ui-font-size1); }
.floe-sidebar .jp-SidePanel-content { overflow: hidden; }
.floe-side-status { padding: 4px 8px; width: 100%; box-sizing: border-box; line-height: 18px; overflow: hidden; }
.floe-side-status-flow { font-weight: 600; overflow-wrap: anywhere; }
.floe-side-status-words { margin-left: 4px; color: var(--jp-ui-font-color2); }
.floe-sidebar[data-state=paused] .floe-side-status-words { color: var(--jp-warn-color0, var(--jp-warn-color1)); font-weight: 600; }
.floe-side-trouble { color: var(--jp-ui-font-color1); overflow-wrap: anywhere; }
.floe-side-trouble:empty { display: none; }
.floe-sidebar [data-cmd] > jp-button:not([disabled]) svg .jp-icon3[fill] { fill: var(--jp-inverse-layout-color3); }
.floe-section-panel { overflow: hidden auto; min-height: 76px; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1); }
.floe-side-none { padding: 3px 12px; min-height: 18px; color: var(--jp-ui-font-color2); }
.floe-side-none:empty { display: none; }
.floe-entry { display: flex; align-items: center; height: 24px; box-sizing: border-box; padding: 0 4px 0 8px; }
.floe-entry:hover, .floe-entry:focus-within { background: var(--jp-layout-color2); }
.floe-entry-main { display: flex; flex: 1; min-width: 0; height: 24px; align-items: center; gap: 6px; padding: 0; border: 0; background: none;
  color: inherit; font: inherit; text-align: left; outline: none; }
button.floe-entry-main { cursor: pointer; }
.floe-entry-main:focus-visible, .floe-entry-act:focus-visible, .floe-side-chip:focus-visible { outline: 1px solid var(--jp-brand-color1); outline-offset: -1px; }
.floe-entry-name { flex: 0 1 auto; max-width: 65%; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.floe-entry-words { flex: 1 1 0; min-width: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0); }
.floe-entry-mark { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--jp-layout-color4, #757575); box-sizing: border-box; }
.floe-entry[data-state=active] .floe-entry-mark, .floe-entry[data-state=busy] .floe-entry-mark { background: var(--jp-brand-color1); }
.floe-entry[data-state=held] .floe-entry-mark { background: var(--jp-warn-color1); }
.floe-entry[data-state=done] .floe-entry-mark, .floe-entry[data-state=ready] .floe-entry-mark { background: var(--jp-success-color1); }
.floe-entry[data-state=failed] .floe-entry-mark, .floe-entry[data-state=ended] .floe-entry-mark, .floe-entry[data-state=on] .floe-entry-mark { background: var(--jp-error-color1); }
.floe-entry[data-state=pending] .floe-entry-mark, .floe-entry[data-state=starting] .floe-entry-mark, .floe-entry[data-state=off] .floe-entry-mark {
  background: none; border: 2px solid var(--jp-layout-color4, #757575); }
.floe-entry[data-state=environment] .floe-entry-mark { border-radius: 2px; }
.floe-entry.floe-side-runtime { padding-left: 24px; }
.floe-entry-act { display: none; flex: none; width: 20px; height: 20px; padding: 3px; border: 0; border-radius: 3px; background: none; cursor: pointer; }
.floe-entry-act svg { display: block; width: 14px; height: 14px; }
.floe-entry:hover .floe-entry-act, .floe-entry:focus-within .floe-entry-act { display: block; }
.floe-entry-act:hover { background: var(--jp-layout-color3); }
.floe-side-over [data-cmd=cancel-run] { display: none !important; }
.floe-entry-tick { flex: none; margin: 0 6px 0 0; accent-color: var(--jp-brand-color1); }
.floe-side-filters { display: flex; flex-direction: column; gap: 4px; padding: 4px 8px; position: sticky; top: 0; z-index: 1; background: var(--jp-layout-color1); }
.floe-side-filter { height: 24px; box-sizing: border-box; padding: 0 6px; border: 1px solid var(--jp-border-color1); border-radius: 2px;
  background: var(--jp-input-background, var(--jp-layout-color1)); color: inherit; font: inherit; outline: none; }
.floe-side-filter:focus { border-color: var(--jp-brand-color1); }
.floe-side-chips { display: flex; flex-wrap: wrap; gap: 2px; }
.floe-side-chip { height: 20px; padding: 0 4px; border: 1px solid var(--jp-border-color1); border-radius: 10px; background: none; color: var(--jp-ui-font-color2);
  font: inherit; font-size: var(--jp-ui-font-size0); cursor: pointer; white-space: nowrap; outline: none; }
.floe-side-chip[aria-pressed=true] { background: var(--jp-layout-color3); color: var(--jp-ui-font-color1); border-color: var(--jp-border-color0); }
.floe-side-lines { font: var(--jp-code-font-size, 13px) / 18px var(--jp-code-font-family, monospace); font-size: 12px; overflow: auto; flex: 1; min-height: 0;
  outline: none; padding: 0 8px; }
.floe-side-line { white-space: pre-wrap; overflow-wrap: anywhere; content-visibility: auto; contain-intrinsic-height: 18px; }
.floe-side-line[data-stream=stderr] { color: color-mix(in srgb, var(--jp-error-color1) 65%, var(--jp-ui-font-color0)); }
.floe-side-line-node { color: var(--jp-ui-font-color2); user-select: none; }
.floe-side-logs-body { display: flex; flex-direction: column; height: 100%; }
.floe-section-panel[data-floe-section=logs], .floe-section-panel[data-floe-section=runs] { min-height: 120px; }
.floe-section-panel[data-floe-section=logs] > .lm-Widget { height: 100%; }
.floe-tab .floe-bench { border: 0; }
.floe-icon-wires { stroke: #616161; }
.floe-icon-wires path { stroke: var(--jp-inverse-layout-color3, #616161); }
.cm-line.floe-magic, .cm-line.floe-magic * { color: var(--jp-mirror-editor-meta-color) !important; font-weight: normal !important; font-style: normal !important; }
body[data-floe-animate=false] .floe-graph .way { stroke-dasharray: none !important; }`;

/** Puts the style into a document once. */
export function addStyle(root: Document): void {
  if (!root.getElementById('floe-panel-style')) {
    const style = root.createElement('style');
    style.id = 'floe-panel-style';
    style.textContent = STYLE;
    root.head.append(style);
  }
}
