"""The contrast of what is really drawn: computed colours of texts, lines and marks against what is painted beneath them."""

from __future__ import annotations

from playwright.sync_api import Page

TEXT, MARK = 4.5, 3.0
"""Minimum ratios, as WCAG 2 has them."""

POOR = r"""([root, text, mark]) => {
  const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = color => { pixel.clearRect(0, 0, 1, 1); pixel.fillStyle = color; pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const faded = e => { let all = 1; for (; e instanceof Element; e = e.parentElement) { all *= Number(getComputedStyle(e).opacity); } return all; };
  const isShape = e => e instanceof SVGGeometryElement;
  const local = (e, x, y) => new DOMPoint(x, y).matrixTransform(e.getScreenCTM().inverse());

  // everything that is painted can be hit, so that the browser itself tells what lies beneath a point
  const probe = document.createElement('style');
  probe.textContent = 'svg * { pointer-events: visiblePainted !important } :not(svg *) { pointer-events: auto !important; transition: none !important }';
  document.head.append(probe);

  const paint = (e, x, y) => {
    const style = getComputedStyle(e);
    let color = [0, 0, 0, 0];
    if (isShape(e)) { // areas, not lines: a mark that lies on a line is seen by what is on both sides of it
      color = style.fill !== 'none' && e.isPointInFill(local(e, x, y)) ? rgba(style.fill) : color;
    } else if (!(e instanceof SVGElement)) {
      color = rgba(style.backgroundColor);
    }
    return [...color.slice(0, 3), color[3] * faded(e)];
  };
  /** What lies beneath `e` at a point; null where `e` cannot be seen there. */
  const beneath = (e, x, y) => {
    const hits = document.elementsFromPoint(x, y);
    const at = hits.indexOf(e);
    if (at < 0) { return null; }
    const layers = [], icon = e.closest('svg[data-icon]'); // the parts of an icon are one mark
    for (const hit of hits.slice(at + 1).filter(hit => !icon?.contains(hit))) {
      layers.push(paint(hit, x, y));
      if (layers.at(-1)[3] === 1) { break; }
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const found = [];
  let seen = 0;
  const judge = (e, what, color, below, limit) => {
    if (below === null || e.closest(':disabled, [aria-disabled=true], [disabled]')) { return; }
    seen += 1;
    const given = rgba(color);
    const got = ratio(over([...given.slice(0, 3), given[3] * faded(e)], below), below);
    if (got < limit) { found.push(`${what} ${color} on rgb(${below.slice(0, 3).map(Math.round)}): ${got.toFixed(2)} < ${limit}`); }
  };
  const named = e => `${e.tagName.toLowerCase()}.${e.getAttribute('class') ?? ''}` + (e.closest('[data-status]') ? ` of ${e.closest('[data-status]').dataset.status}` : '');
  const middle = r => [r.left + r.width / 2, r.top + r.height / 2];
  const own = (e, x, y) => { const below = beneath(e, x, y); return below && over(paint(e, x, y), below); };

  for (const host of document.querySelectorAll(root)) {
    const walk = document.createTreeWalker(host, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const e = node.parentElement, range = document.createRange();
      if (!node.data.trim() || e.closest('title, style, option, textarea') || !e.checkVisibility()) { continue; }
      range.selectNodeContents(node);
      const rect = [...range.getClientRects()].find(r => r.width > 1 && r.height > 1);
      if (!rect) { continue; }
      const style = getComputedStyle(e), svg = e instanceof SVGElement;
      judge(e, `text ${named(e)} "${node.data.trim().slice(0, 30)}"`, svg ? style.fill : style.color,
        svg ? beneath(e, ...middle(rect)) : own(e, ...middle(rect)), text);
    }
    for (const e of host.querySelectorAll('path, rect, circle, line, polygon')) {
      const style = getComputedStyle(e);
      const stroked = style.stroke !== 'none' && rgba(style.stroke)[3] > 0 && parseFloat(style.strokeWidth) > 0;
      if (!e.checkVisibility() || e.closest('marker, defs') || e.matches('.reach, .badge, .page, .dot:not([data-look=none]) .port')) { continue; }
      const filled = style.fill !== 'none' && rgba(style.fill)[3] > 0;
      const edged = stroked && !e.matches('.letter rect, .queue rect'); // their stroke is a gap between them and the line beneath
      let at;
      if (edged) {
        at = e.getPointAtLength(e.getTotalLength() * .37).matrixTransform(e.getScreenCTM());
      } else if (filled) {
        const [x, y] = middle(e.getBoundingClientRect());
        at = e.isPointInFill(local(e, x, y)) ? { x, y } : e.getPointAtLength(0).matrixTransform(e.getScreenCTM());
      } else { continue; }
      judge(e, `shape ${named(e)} ${e.closest('[data-cmd]')?.dataset.cmd ?? ''}`, edged ? style.stroke : style.fill, beneath(e, at.x, at.y), mark);
    }
    for (const e of host.querySelectorAll('input:not([type=range], [type=checkbox]), select, textarea, button')) {
      const style = getComputedStyle(e), rect = e.getBoundingClientRect();
      if (!e.checkVisibility() || !rect.width) { continue; }
      const inside = own(e, ...middle(rect));
      const bordered = parseFloat(style.borderTopWidth) && style.borderTopStyle !== 'none' && rgba(style.borderTopColor)[3];
      if (bordered && inside) { judge(e, `border ${named(e)}`, style.borderTopColor, beneath(e, ...middle(rect)), mark); }
      if (e.matches('input, select, textarea') && inside) {
        judge(e, `value ${named(e)}`, e.placeholder && !e.value ? getComputedStyle(e, '::placeholder').color : style.color, inside, text);
      }
    }
    for (const e of host.querySelectorAll('.floe-entry-mark, .floe-phase')) {
      const style = getComputedStyle(e, e.matches('.floe-phase') ? '::before' : null), rect = e.getBoundingClientRect();
      const at = e.matches('.floe-phase') ? [rect.left + 4, rect.top + rect.height / 2] : middle(rect);
      const color = rgba(style.backgroundColor)[3] ? style.backgroundColor : style.borderTopColor;
      if (e.checkVisibility()) { judge(e, `mark ${named(e)} ${e.dataset.status ?? e.closest('[data-state]')?.dataset.state}`, color, e.matches('.floe-phase') ? own(e, ...at) : beneath(e, ...at), mark); }
    }
  }
  probe.remove();
  return [seen, [...new Set(found)]];
}"""


def poor(page: Page, root: str) -> tuple[int, list[str]]:
    """(How many texts and marks were measured inside *root*, those with too little contrast)."""
    seen, found = page.evaluate(POOR, [root, TEXT, MARK])
    return seen, found
