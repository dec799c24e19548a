/** Style of the view's frame: the maximised view, its handle, the buttons of the view. */

/** Style sheet of the frame, menus and dialogs. */
export const FRAME_STYLE = `
.floe-host.maximised { position: fixed; inset: 0; width: 100vw; height: 100vh; max-width: none; max-height: none; margin: 0; border: 0; padding: 0;
  background: var(--jp-layout-color1, Canvas); }
.floe-host.maximised .floe-bench { border: 0; }
.floe-host.maximised .floe-grip { display: none; }
.floe-host.maximised.narrow .floe-bench { min-height: 100%; }
.floe-grip { flex: none; height: 8px; cursor: ns-resize; touch-action: none; display: flex; justify-content: center; align-items: center; }
.floe-grip::before { content: ''; width: 36px; height: 3px; border-radius: 2px; background: var(--floe-line); }
.floe-grip:is(:hover, :focus-visible)::before { background: var(--floe-brand); }
.floe-bench .floe-grip:focus-visible { outline-offset: -1px; }
.floe-tools { display: flex; gap: 2px; margin-left: auto; }
.floe-tools svg { fill: none; stroke: var(--jp-inverse-layout-color3, #616161); stroke-width: 1.5; }
.floe-tools button[aria-pressed=true] { background: var(--jp-layout-color2, ButtonFace); }
.floe-menu { position: fixed; margin: 0; inset: auto; padding: 4px 0; min-width: 190px; max-width: 340px; max-height: calc(100vh - 8px); overflow: auto; z-index: 10000;
  border: 1px solid var(--floe-line); border-radius: 3px; box-shadow: 0 2px 8px rgb(0 0 0 / .3); color: var(--jp-ui-font-color1, CanvasText);
  background: var(--jp-layout-color1, Canvas); }
.floe-menu button { display: flex; justify-content: space-between; gap: 20px; width: 100%; padding: 4px 12px; border: 0; background: none; color: inherit; font: inherit;
  text-align: left; cursor: pointer; overflow-wrap: anywhere; }
.floe-bench .floe-menu button:focus { outline: none; background: var(--floe-brand); color: var(--floe-on); }
.floe-menu kbd { font: inherit; color: var(--floe-quiet); }
.floe-menu button:focus kbd { color: inherit; }
.floe-menu [role=separator] { margin: 4px 0; border-top: 1px solid var(--jp-border-color2, #e0e0e0); }
.floe-code { width: min(860px, 94vw); }
.floe-code pre { font: 12px/1.45 var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 65vh; overflow: auto; margin: 8px 0 0; padding: 8px;
  background: var(--jp-layout-color2, ButtonFace); }
.floe-keys { max-width: min(860px, 94vw); max-height: 90vh; overflow: auto; padding: 0; border: 1px solid var(--floe-line); border-radius: 4px;
  color: var(--jp-ui-font-color1, CanvasText); background: var(--jp-layout-color1, Canvas); }
.floe-keys::backdrop { background: rgb(0 0 0 / .35); }
.floe-keys > div { padding: 10px 16px 14px; }
.floe-keys h3 { margin: 0; font-size: 15px; }
.floe-keys-parts { columns: 2 320px; column-gap: 28px; }
.floe-keys table { width: 100%; border-collapse: collapse; font-size: 12px; break-inside: avoid; margin-top: 8px; }
.floe-keys caption { text-align: left; font-weight: 600; padding: 2px 0; }
.floe-keys th { width: 112px; text-align: left; font-weight: normal; white-space: nowrap; vertical-align: top; padding: 3px 8px 3px 0; }
.floe-keys td { padding: 3px 0; }
.floe-keys kbd { display: inline-block; min-width: 18px; text-align: center; margin-right: 2px; padding: 0 4px; font: inherit; border: 1px solid var(--floe-line);
  border-radius: 3px; background: var(--jp-layout-color2, ButtonFace); }
.floe-keys button { font: inherit; font-size: 12px; border: 1px solid var(--floe-line); border-radius: 3px; padding: 2px 10px; color: inherit;
  background: var(--jp-layout-color2, ButtonFace); cursor: pointer; }
`;
