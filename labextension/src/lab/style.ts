/** Style of the panel: JupyterLab's own variables, rows as in its debugger. */

import { addColors } from '../graph/colors';

/**
 * Tokens of the notation, in stronger shades of the editor's colours. A property cannot refer to itself, so the editor has the
 * shades under other names, which its content takes over.
 */
const TOKENS = [
  'keyword',
  'number',
  'def',
  'variable',
  'property',
  'operator',
  'comment',
  'string',
  'bracket',
  'attribute',
  'meta',
  'punctuation'
];
const NOTATION = `
.floe-notation { ${TOKENS.map(name => `--floe-editor-${name}: color-mix(in srgb, var(--jp-mirror-editor-${name}-color) 66%, var(--jp-content-font-color0, CanvasText));`).join(' ')} }
.floe-notation .cm-content { ${TOKENS.map(name => `--jp-mirror-editor-${name}-color: var(--floe-editor-${name});`).join(' ')} }`;

const STYLE = `
.floe-sidebar .jp-SidePanel-header { text-transform: none; letter-spacing: 0; font-weight: normal; font-size: var(--jp-ui-font-size1); }
.floe-sidebar .jp-SidePanel-content { overflow: hidden; }
.floe-side-status { padding: 4px 8px; width: 100%; box-sizing: border-box; line-height: 18px; overflow: hidden; }
.floe-side-status-flow { font-weight: 600; overflow-wrap: anywhere; }
.floe-side-status-words { margin-left: 4px; color: var(--floe-quiet); }
.floe-sidebar[data-state=paused] .floe-side-status-words { color: var(--floe-warn-text); font-weight: 600; }
.floe-side-trouble { color: var(--jp-ui-font-color1); overflow-wrap: anywhere; }
.floe-side-trouble:empty { display: none; }
.floe-sidebar [data-cmd] > jp-button:not([disabled]) svg .jp-icon3[fill] { fill: var(--jp-inverse-layout-color3); }
.floe-section-panel { overflow: hidden auto; min-height: 76px; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1); }
.floe-side-none { padding: 3px 12px; min-height: 18px; color: var(--floe-quiet); }
.floe-side-none:empty { display: none; }
.floe-entry { display: flex; align-items: center; height: 24px; box-sizing: border-box; padding: 0 4px 0 8px; }
.floe-entry:hover, .floe-entry:focus-within { background: var(--jp-layout-color2); }
.floe-entry-main { display: flex; flex: 1; min-width: 0; height: 24px; align-items: center; gap: 6px; padding: 0; border: 0; background: none;
  color: inherit; font: inherit; text-align: left; outline: none; }
button.floe-entry-main { cursor: pointer; }
.floe-entry-main:focus-visible, .floe-entry-act:focus-visible, .floe-side-chip:focus-visible { outline: 1px solid var(--floe-brand); outline-offset: -1px; }
.floe-entry-name { flex: 0 1 auto; max-width: 65%; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.floe-entry-words { flex: 1 1 0; min-width: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; color: var(--floe-quiet);
  font-size: var(--jp-ui-font-size0); }
.floe-entry-mark { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--floe-plate); box-sizing: border-box; }
.floe-entry[data-state=active] .floe-entry-mark, .floe-entry[data-state=busy] .floe-entry-mark { background: var(--floe-brand); }
.floe-entry[data-state=held] .floe-entry-mark { background: var(--floe-warn); }
.floe-entry[data-state=done] .floe-entry-mark, .floe-entry[data-state=ready] .floe-entry-mark { background: var(--floe-success); }
.floe-entry[data-state=failed] .floe-entry-mark, .floe-entry[data-state=ended] .floe-entry-mark, .floe-entry[data-state=on] .floe-entry-mark { background: var(--floe-error); }
.floe-entry[data-state=pending] .floe-entry-mark, .floe-entry[data-state=starting] .floe-entry-mark, .floe-entry[data-state=off] .floe-entry-mark {
  background: none; border: 2px solid var(--floe-plate); }
.floe-entry[data-state=environment] .floe-entry-mark { border-radius: 2px; }
.floe-entry.floe-side-runtime { padding-left: 24px; }
.floe-entry-act { display: none; flex: none; width: 20px; height: 20px; padding: 3px; border: 0; border-radius: 3px; background: none; cursor: pointer; }
.floe-entry-act svg { display: block; width: 14px; height: 14px; }
.floe-entry:hover .floe-entry-act, .floe-entry:focus-within .floe-entry-act { display: block; }
.floe-entry-act:hover { background: var(--jp-layout-color3); }
.floe-side-over [data-cmd=cancel-run], .floe-entry:not(.floe-side-over) [data-cmd=remove-run] { display: none !important; }
.floe-side-workspaces { display: flex; gap: 4px; padding: 0 8px 4px; }
.floe-side-workspaces[hidden], .floe-side-trash[hidden] { display: none; }
.floe-side-workspaces > select { flex: 1; min-width: 0; }
.floe-side-trash { flex: none; width: 24px; height: 24px; padding: 4px; border: 0; border-radius: 3px; background: none; cursor: pointer; }
.floe-side-trash:hover, .floe-side-trash:focus-visible { background: var(--jp-layout-color3); outline: none; }
.floe-entry-tick { flex: none; margin: 0 6px 0 0; accent-color: var(--floe-brand); }
.floe-side-filters { display: flex; flex-direction: column; gap: 4px; padding: 4px 8px; position: sticky; top: 0; z-index: 1; background: var(--jp-layout-color1); }
.floe-side-filter { height: 24px; box-sizing: border-box; padding: 0 6px; border: 1px solid var(--floe-line); border-radius: 2px;
  background: var(--jp-input-background, var(--jp-layout-color1)); color: inherit; font: inherit; outline: none; }
.floe-sidebar .floe-side-filter::placeholder { color: var(--floe-quiet); opacity: 1; }
.floe-side-filter:focus { border-color: var(--floe-brand); }
.floe-side-chips { display: flex; flex-wrap: wrap; gap: 2px; }
.floe-side-chip { height: 20px; padding: 0 4px; border: 1px solid var(--floe-line); border-radius: 10px; background: none; color: var(--floe-quiet);
  font: inherit; font-size: var(--jp-ui-font-size0); cursor: pointer; white-space: nowrap; outline: none; }
.floe-side-chip[aria-pressed=true] { background: var(--jp-layout-color3); color: var(--jp-ui-font-color1); border-color: var(--floe-line); }
.floe-side-lines { font: var(--jp-code-font-size, 13px) / 18px var(--jp-code-font-family, monospace); font-size: 12px; overflow: auto; flex: 1; min-height: 0;
  outline: none; padding: 0 8px; }
.floe-side-line { white-space: pre-wrap; overflow-wrap: anywhere; content-visibility: auto; contain-intrinsic-height: 18px; }
.floe-side-line[data-stream=stderr] { color: var(--floe-error-text); }
.floe-side-line-node { color: var(--floe-quiet); user-select: none; }
.floe-side-logs-body { display: flex; flex-direction: column; height: 100%; }
.floe-section-panel[data-floe-section=logs], .floe-section-panel[data-floe-section=runs] { min-height: 120px; }
.floe-section-panel[data-floe-section=logs] > .lm-Widget { height: 100%; }
.floe-tab .floe-bench { border: 0; }
.floe-icon-wires { stroke: #616161; }
.floe-icon-wires path { stroke: var(--jp-inverse-layout-color3, #616161); }
.cm-line.floe-magic, .cm-line.floe-magic *, .floe-line-magic, .floe-line-magic * { color: var(--floe-magic) !important; font-weight: normal !important; font-style: normal !important; }
${NOTATION}
body[data-floe-animate=false] .floe-graph .way { stroke-dasharray: none !important; }`;

/** Add the style to a document once. */
export function addStyle(root: Document): void {
  addColors(root);
  if (!root.getElementById('floe-panel-style')) {
    const style = root.createElement('style');
    style.id = 'floe-panel-style';
    style.textContent = STYLE;
    root.head.append(style);
  }
}
