/** The look of the bench; colours are JupyterLab's. */

const STYLE = `
.floe-bench { display: flex; flex-direction: column; height: 100%; min-height: 260px; outline: none; container-type: inline-size;
  font: var(--jp-ui-font-size1, 13px) var(--jp-ui-font-family, system-ui, sans-serif); color: var(--jp-ui-font-color1, CanvasText);
  background: var(--jp-layout-color1, Canvas); border: 1px solid var(--jp-border-color2, #e0e0e0); box-sizing: border-box; }
.floe-toolbar { display: flex; align-items: center; gap: 2px; padding: 2px 4px; border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-toolbar button { width: 28px; height: 24px; padding: 4px; border: 0; border-radius: 3px; background: none; cursor: pointer; }
.floe-toolbar button[hidden] { display: none; }
.floe-toolbar button:hover:enabled { background: var(--jp-layout-color2, #eee); }
.floe-toolbar button:disabled { opacity: .35; cursor: default; }
.floe-toolbar svg { width: 16px; height: 16px; fill: var(--jp-inverse-layout-color3, #616161); display: block; }
.floe-phase { margin-left: 8px; color: var(--jp-ui-font-color2, #666); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.floe-split { display: flex; flex: 1; min-height: 0; }
.floe-canvas { flex: 2; min-width: 0; min-height: 160px; }
.floe-inspector { flex: 1; min-width: 220px; max-width: 420px; overflow: auto; padding: 6px 8px; border-left: 1px solid var(--jp-border-color2, #e0e0e0); }
@container (max-width: 640px) {
  .floe-split { flex-direction: column; }
  .floe-inspector { max-width: none; border-left: 0; border-top: 1px solid var(--jp-border-color2, #e0e0e0); }
}
.floe-inspector h3 { margin: 2px 0 6px; font-size: 14px; overflow-wrap: anywhere; }
.floe-inspector small, .floe-hint, .floe-label { color: var(--jp-ui-font-color2, #666); font-weight: normal; }
.floe-section > summary { font-weight: 600; padding: 3px 0; cursor: pointer; }
.floe-inspector pre { font: 12px var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0; max-height: 240px; overflow: auto; }
.floe-error, .floe-problem { color: var(--jp-error-color1, #d32f2f); }
.floe-problem:empty { display: none; }
.floe-problem { padding: 3px 8px; white-space: pre-wrap; }
.floe-leaf, .floe-inspector summary { font-size: 12px; overflow-wrap: anywhere; }
.floe-children { padding-left: 14px; }
.floe-key { color: var(--jp-ui-font-color2, #666); }
.floe-string { color: var(--jp-mirror-editor-string-color, #a31515); }
.floe-number { color: var(--jp-mirror-editor-number-color, #0a7d3c); }
.floe-boolean, .floe-null, .floe-tagged { color: var(--jp-mirror-editor-keyword-color, #0033b3); }
.floe-table { overflow: auto; max-height: 260px; }
.floe-table table { border-collapse: collapse; font-size: 12px; }
.floe-table th, .floe-table td { border: 1px solid var(--jp-border-color2, #e0e0e0); padding: 1px 6px; text-align: left; }
.floe-edit { width: 100%; box-sizing: border-box; font: 12px var(--jp-code-font-family, monospace);
  background: var(--jp-input-background, Field); color: inherit; border: 1px solid var(--jp-border-color1, #bdbdbd); }
.floe-inspector input:not([type=checkbox]) { width: 100%; box-sizing: border-box; background: var(--jp-input-background, Field); color: inherit; border: 1px solid var(--jp-border-color1, #bdbdbd); }
.floe-buttons { display: flex; flex-wrap: wrap; gap: 4px; margin: 4px 0; }
.floe-buttons button { border: 1px solid var(--jp-border-color1, #bdbdbd); border-radius: 3px; padding: 2px 8px; background: var(--jp-layout-color2, #eee); color: inherit; cursor: pointer; }
.floe-buttons button:disabled { opacity: .4; cursor: default; }
.floe-link { border: 0; background: none; color: var(--jp-content-link-color, #1976d2); cursor: pointer; padding: 0 2px; }
.floe-breaks fieldset { border: 1px solid var(--jp-border-color2, #e0e0e0); margin: 4px 0; padding: 4px 6px; }
.floe-breaks label { display: block; }
.floe-timeline { margin: 0; padding-left: 16px; }`;

/** Puts the style into a document once. */
export function addBenchStyle(root: Document): void {
  if (!root.getElementById('floe-bench-style')) {
    const style = root.createElement('style');
    style.id = 'floe-bench-style';
    style.textContent = STYLE;
    root.head.append(style);
  }
}
