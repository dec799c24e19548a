/** The focus stays where it was, also when what has it is made anew or goes away: else the next key would go to nobody. */

/** Where the focus is in these sections now; call the result when they are renewed. */
export function keepFocus(host: HTMLElement): () => void {
  const active = host.ownerDocument.activeElement as HTMLElement | null;
  const section = active?.closest<HTMLElement>('.floe-section');
  if (!active || !section || !host.contains(active)) {
    return () => undefined;
  }
  const { section: kind, held } = section.dataset;
  const places = [held ? `[data-held="${CSS.escape(held)}"]` : '', ''].map(which => `.floe-section[data-section="${kind}"]${which}`);
  const control = named(active);
  return () => {
    if (!active.isConnected) {
      const there = host.querySelector(places[0]) ?? host.querySelector(places[1]); // the same message, else the next one
      const found = there?.querySelector<HTMLElement>(control) ?? there?.querySelector('summary') ?? host.closest<HTMLElement>('[tabindex]');
      found?.focus({ preventScroll: true });
    }
  };
}

/** What finds the same control in a section that was made anew. */
function named(control: HTMLElement): string {
  const { cmd, field } = control.dataset;
  const row = control.closest<HTMLElement>('[data-break]')?.dataset.break;
  return `${row ? `[data-break="${CSS.escape(row)}"] ` : ''}${cmd ? `[data-cmd="${cmd}"]` : field ? `[data-field="${field}"]` : 'summary'}`;
}
