/** Style of the debug view; the colours are JupyterLab's. */

import { addColors } from '../graph/colors';
import { FRAME_STYLE } from './frame_style';

const STYLE = `
.floe-host { height: var(--floe-height, 100%); width: 100%; max-width: 100%; box-sizing: border-box; overflow: auto; }
.floe-bench { display: flex; flex-direction: column; height: 100%; min-height: 260px; min-width: 0; outline: none; box-sizing: border-box;
  font: var(--jp-ui-font-size1, 13px)/1.4 var(--jp-ui-font-family, system-ui, sans-serif); color: var(--jp-ui-font-color1, CanvasText);
  background: var(--jp-layout-color1, Canvas); border: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-bench *, .floe-bench *::before { box-sizing: border-box; }
.floe-bench [hidden] { display: none !important; }
.floe-bench :is(button, select, input, textarea, summary, [tabindex]):focus-visible { outline: 2px solid var(--floe-brand); outline-offset: -2px; }
.floe-toolbar { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; padding: 2px 4px; border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); flex: none; }
.floe-toolbar button { width: 28px; height: 26px; padding: 5px 6px; border: 0; border-radius: 3px; background: none; cursor: pointer; }
.floe-toolbar button:hover:enabled { background: var(--jp-layout-color2, ButtonFace); }
.floe-toolbar button:disabled { opacity: .35; cursor: default; }
.floe-toolbar svg { width: 16px; height: 16px; fill: var(--jp-inverse-layout-color3, #616161); display: block; }
.floe-phase { margin-left: 6px; color: var(--jp-ui-font-color1, CanvasText); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; flex: 1 1 120px; }
.floe-phase::before { content: ''; display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: var(--floe-plate); }
.floe-phase[data-status=active]::before { background: var(--floe-brand); }
.floe-phase[data-status=held]::before, .floe-phase[data-status=cancelling]::before, .floe-phase[data-status=paused]::before { background: var(--floe-warn); }
.floe-phase[data-status=failed]::before { background: var(--floe-error); }
.floe-phase[data-status=done]::before { background: var(--floe-success); }
.floe-newsline { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 2px 12px; flex: 0 1 auto; min-width: 0; }
.floe-news { display: flex; gap: 6px; min-width: 0; max-width: 100%; }
.floe-news > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; max-width: 60ch; }
.floe-toolbar .floe-link { width: auto; height: auto; padding: 0 2px; white-space: nowrap; flex: none; }
.floe-link:hover { text-decoration: underline; }
.floe-notice { padding: 4px 8px; background: var(--jp-layout-color2, ButtonFace); border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-problem:empty { display: none; }
.floe-problem { padding: 3px 8px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 120px; overflow: auto; }
.floe-error, .floe-problem, .floe-stderr { color: var(--floe-error-text); }
.floe-progress, .floe-work { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; padding: 3px 8px; border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-progress progress { flex: 1 1 100px; min-width: 60px; height: 8px; accent-color: var(--floe-brand); }
.floe-work { flex-direction: column; align-items: stretch; color: var(--floe-quiet); overflow-wrap: anywhere; max-height: 84px; overflow: auto; }
.floe-work > div::before { content: '◌ '; }
.floe-split { display: flex; flex: 1; min-height: 0; min-width: 0; }
.floe-canvas { flex: 2.4 1 0; min-width: 0; min-height: 160px; }
.floe-inspector { flex: 1 1 0; min-width: 240px; max-width: 440px; overflow: auto; padding: 6px 8px; border-left: 1px solid var(--jp-border-color2, #e0e0e0); outline: none; }
.floe-host.narrow { height: auto; }
.floe-host.narrow .floe-bench { height: auto; }
.floe-host.narrow .floe-split { flex-direction: column; flex: none; }
.floe-host.narrow .floe-canvas { flex: none; height: var(--floe-picture, clamp(180px, var(--floe-natural, 300px), 560px)); }
.floe-host.narrow .floe-inspector { flex: none; min-width: 0; max-width: none; max-height: 520px; border-left: 0; border-top: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-inspector h3 { margin: 2px 0 6px; font-size: 14px; line-height: 1.3; overflow-wrap: anywhere; }
.floe-inspector small, .floe-hint, .floe-label, .floe-key, .floe-preview { color: var(--floe-quiet); font-weight: normal; }
.floe-inspector small { font-size: 12px; }
.floe-hint { margin: 4px 0; }
.floe-label { font-size: 12px; margin-top: 3px; }
.floe-section { border-top: 1px solid var(--jp-border-color3, #eee); }
.floe-section > summary { font-weight: 600; padding: 4px 0; cursor: pointer; overflow-wrap: anywhere; }
.floe-body { padding: 0 0 6px 2px; min-width: 0; }
.floe-inspector pre { font: 12px/1.4 var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0; max-height: 240px; overflow: auto; }
.floe-failure > .floe-error:first-child { font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap; }
.floe-leaf, .floe-children, .floe-body details > summary { font: 12px/1.45 var(--jp-code-font-family, monospace); overflow-wrap: anywhere; }
.floe-leaf { white-space: pre-wrap; }
.floe-children { padding-left: 14px; }
.floe-body summary { cursor: pointer; }
details[open] > summary > .floe-preview { display: none; }
.floe-string { color: var(--floe-string); }
.floe-number, .floe-bigint { color: var(--floe-number); }
.floe-boolean, .floe-null, .floe-tagged { color: var(--floe-word); }
.floe-picture { display: block; max-width: 100%; max-height: 240px; margin: 4px 0; border: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-table { overflow: auto; max-height: 260px; max-width: 100%; }
.floe-table table { border-collapse: collapse; font-size: 12px; }
.floe-table th, .floe-table td { border: 1px solid var(--jp-border-color2, #e0e0e0); padding: 1px 6px; text-align: left; max-width: 280px; overflow-wrap: anywhere; vertical-align: top; }
.floe-table td:has(.floe-table) { max-width: none; }
.floe-table .floe-table { max-height: none; color: var(--jp-ui-font-color1, CanvasText); }
.floe-table .floe-table :is(th, td) { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.floe-table thead th { position: sticky; top: 0; background: var(--jp-layout-color2, ButtonFace); }
.floe-table tbody th { font-weight: normal; color: var(--floe-quiet); }
.floe-table .floe-right { text-align: right; font-variant-numeric: tabular-nums; }
.floe-bench :is(textarea, select, input:not([type=checkbox], [type=range])) { font: 12px var(--jp-code-font-family, monospace); color: inherit;
  background: var(--jp-input-background, var(--jp-layout-color1, Field)); border: 1px solid var(--floe-line); border-radius: 2px; padding: 2px 4px; max-width: 100%; }
.floe-bench ::placeholder { color: var(--floe-quiet); opacity: 1; }
.floe-bench select { max-width: 100%; min-width: 0; }
.floe-edit { width: 100%; display: block; resize: vertical; margin: 4px 0; }
.floe-edit[aria-invalid=true] { border-color: var(--floe-error) !important; }
.floe-buttons { display: flex; flex-wrap: wrap; gap: 4px; margin: 4px 0; }
.floe-buttons button, .floe-walk button { font: inherit; font-size: 12px; border: 1px solid var(--floe-line); border-radius: 3px; padding: 2px 8px;
  background: var(--jp-layout-color2, ButtonFace); color: inherit; cursor: pointer; }
.floe-buttons button:disabled, .floe-walk button:disabled { opacity: .4; cursor: default; }
.floe-link { border: 0; background: none; color: var(--floe-link); cursor: pointer; padding: 0 2px; font: inherit; text-align: left; }
.floe-row { display: block; width: 100%; border: 0; background: none; color: inherit; font: inherit; font-size: 12px; text-align: left; cursor: pointer; padding: 2px 4px;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.floe-row:hover { background: var(--jp-layout-color2, ButtonFace); }
.floe-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 4px; }
.floe-breaks fieldset { border: 1px solid var(--jp-border-color2, #e0e0e0); border-radius: 3px; margin: 4px 0; padding: 4px 6px; min-width: 0; }
.floe-breaks fieldset label:not(.floe-tick) { display: flex; align-items: center; gap: 6px; margin: 2px 0; font-size: 12px; }
.floe-breaks label > span { flex: 0 0 70px; color: var(--floe-quiet); }
.floe-breaks label > input:not([type=checkbox]) { flex: 1 1 0; min-width: 0; }
.floe-dock { flex: none; border-top: 1px solid var(--jp-border-color2, #e0e0e0); min-width: 0; }
.floe-tabs { display: flex; }
.floe-tabs button { border: 0; background: none; color: var(--floe-quiet); font: inherit; font-size: 12px; padding: 4px 10px; cursor: pointer; border-bottom: 2px solid transparent; }
.floe-tabs button[aria-selected=true] { color: var(--jp-ui-font-color1, CanvasText); border-bottom-color: var(--floe-brand); }
.floe-timeline { padding: 4px 8px; }
.floe-walk { display: flex; align-items: center; gap: 6px; }
.floe-walk input { flex: 1; min-width: 0; accent-color: var(--floe-brand); }
.floe-words { display: block; font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.floe-logs { padding: 4px 8px; }
.floe-lines { height: 132px; overflow: auto; font: 12px/1.45 var(--jp-code-font-family, monospace); margin-top: 4px; }
.floe-line { white-space: pre-wrap; overflow-wrap: anywhere; }`;

/** Add the style to a document once. */
export function addDebugStyle(root: Document): void {
  addColors(root);
  if (!root.getElementById('floe-bench-style')) {
    const style = root.createElement('style');
    style.id = 'floe-bench-style';
    style.textContent = STYLE + FRAME_STYLE;
    root.head.append(style);
  }
}
