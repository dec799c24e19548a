/**
 * Colours made of JupyterLab's, moved towards its text colour until the contrast with the background is 4.5:1 for texts and 3:1
 * for lines and marks, in the light, dark and high contrast themes, also on a hovered row. Texts on a coloured plate are
 * `--floe-on`.
 */

const INK = 'var(--jp-ui-font-color0, CanvasText)';
const PAGE = 'var(--jp-layout-color1, Canvas)';

const COLORS = `
:is(.floe-graph, .floe-bench, .floe-sidebar, .cm-line) {
  --floe-on: var(--jp-layout-color0, Canvas);
  --floe-quiet: color-mix(in srgb, ${INK} 68%, transparent);
  --floe-line: color-mix(in srgb, ${INK} 56%, ${PAGE});
  --floe-plate: color-mix(in srgb, ${INK} 62%, ${PAGE});
  --floe-brand: color-mix(in srgb, var(--jp-brand-color1, #1976d2) 88%, ${INK});
  --floe-warn: color-mix(in srgb, var(--jp-warn-color1, #e65100) 74%, ${INK});
  --floe-error: color-mix(in srgb, var(--jp-error-color1, #d32f2f) 80%, ${INK});
  --floe-error-text: color-mix(in srgb, var(--jp-error-color1, #d32f2f) 58%, ${INK});
  --floe-warn-text: color-mix(in srgb, var(--jp-warn-color1, #e65100) 58%, ${INK});
  --floe-success: color-mix(in srgb, var(--jp-success-color1, #388e3c) 85%, ${INK});
  --floe-info: color-mix(in srgb, var(--jp-info-color1, #0097a7) 80%, ${INK});
  --floe-link: color-mix(in srgb, var(--jp-content-link-color, #1565c0) 80%, ${INK});
  --floe-magic: color-mix(in srgb, var(--jp-mirror-editor-meta-color, #a2f) 55%, ${INK});
  --floe-string: color-mix(in srgb, var(--jp-mirror-editor-string-color, #a31515) 80%, ${INK});
  --floe-number: color-mix(in srgb, var(--jp-mirror-editor-number-color, #0a7d3c) 80%, ${INK});
  --floe-word: color-mix(in srgb, var(--jp-mirror-editor-keyword-color, #6d5bd0) 80%, ${INK});
}`;

/** Add the colours to a document once. */
export function addColors(root: Document): void {
  if (!root.getElementById('floe-colors')) {
    const style = root.createElement('style');
    style.id = 'floe-colors';
    style.textContent = COLORS;
    root.head.append(style);
  }
}
