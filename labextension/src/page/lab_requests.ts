/** Requests of a view to the JupyterLab around it. A widget and the panel are separate bundles, which meet in the page. */

/** Flow or run to open, and the node to select there. */
export interface Place {
  flow: string;
  workspace: string;
  instance: string;
  node?: string;
}

/** Data attribute of the body, set while the panel opens tabs on request. */
const TABS = 'floeTabs';
const OPEN = 'floe-open';

/** Return true if the panel opens tabs on request. */
export function panelIsThere(): boolean {
  return Boolean(document.body.dataset[TABS]);
}

/** Return true if the view can open a tab, which a view in a tab cannot. */
export function hasTabs(host: Element): boolean {
  return panelIsThere() && !host.closest('.floe-tab');
}

/** Ask the panel to open a tab. */
export function openTab(host: Element, place: Place): void {
  host.dispatchEvent(new CustomEvent(OPEN, { bubbles: true, detail: place }));
}

/** Open tabs on request (the panel's half). */
export function serveTabs(open: (place: Place) => void): void {
  document.body.dataset[TABS] = 'true';
  document.addEventListener(OPEN, event => open((event as CustomEvent<Place>).detail));
}

const INSERT = 'floe-insert';

/** Put code into a new cell of the notebook; returns false if the view is in no notebook. */
export function insertCell(from: Element, code: string): boolean {
  return !from.dispatchEvent(new CustomEvent(INSERT, { bubbles: true, cancelable: true, detail: code }));
}

/** Insert cells on request (the panel's half); *insert* returns whether a cell was inserted. */
export function serveCells(insert: (at: Element, code: string) => boolean): void {
  document.addEventListener(INSERT, event => {
    if (insert(event.target as Element, (event as CustomEvent<string>).detail)) {
      event.preventDefault();
    }
  });
}
