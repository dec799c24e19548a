/** Focus that survives rebuilding or removing the focused element: otherwise the next key would be lost. */

/** Note the focus in these sections; call the result after the sections are rebuilt. */
export function keepFocus(host: HTMLElement): () => void {
  const active = host.ownerDocument.activeElement as HTMLElement | null;
  const section = active?.closest<HTMLElement>('.floe-section');
  if (!active || !section || !host.contains(active)) {
    return () => undefined;
  }
  const { section: kind, held } = section.dataset;
  const places = [held ? `[data-held="${CSS.escape(held)}"]` : '', ''].map(
    which => `.floe-section[data-section="${kind}"]${which}`
  );
  const control = selectorOf(active);
  return () => {
    if (!active.isConnected) {
      const there = host.querySelector(places[0]) ?? host.querySelector(places[1]); // same message, else the next
      const found =
        there?.querySelector<HTMLElement>(control) ?? there?.querySelector('summary') ?? host.closest<HTMLElement>('[tabindex]');
      found?.focus({ preventScroll: true });
    }
  };
}

/** Return a selector that finds the same control in a rebuilt section. */
function selectorOf(control: HTMLElement): string {
  const { cmd, field } = control.dataset;
  const row = control.closest<HTMLElement>('[data-break]')?.dataset.break;
  return `${row ? `[data-break="${CSS.escape(row)}"] ` : ''}${cmd ? `[data-cmd="${cmd}"]` : field ? `[data-field="${field}"]` : 'summary'}`;
}
