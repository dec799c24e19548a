/** Moving and scaling one SVG group with pointer, wheel and keyboard. */

export interface Pan {
  fit(width: number, height: number): void;
  centre(x: number, y: number): void;
  dispose(): void;
}

const MIN = 0.08;
const MAX = 3;

export function pan(svg: SVGSVGElement, group: SVGGElement): Pan {
  let x = 0, y = 0, scale = 1;
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const apply = () => group.setAttribute('transform', `translate(${x},${y}) scale(${scale})`);
  const zoom = (factor: number, cx: number, cy: number) => {
    const next = Math.min(MAX, Math.max(MIN, scale * factor));
    x = cx - (cx - x) * (next / scale);
    y = cy - (cy - y) * (next / scale);
    scale = next;
    apply();
  };
  svg.addEventListener('wheel', e => {
    // without a modifier the page scrolls: a notebook must not be caught by the graph under the pointer
    if (!e.ctrlKey && !e.metaKey && !svg.contains(document.activeElement)) {
      return;
    }
    e.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(Math.exp(-e.deltaY / 400), e.clientX - box.left, e.clientY - box.top);
  }, { ...options, passive: false });
  svg.addEventListener('pointerdown', e => {
    if (e.button !== 0 || (e.target as Element).closest('[data-node]')) {
      return;
    }
    const from = { x: e.clientX - x, y: e.clientY - y };
    const drag = new AbortController();
    svg.setPointerCapture(e.pointerId);
    svg.addEventListener('pointermove', m => { x = m.clientX - from.x; y = m.clientY - from.y; apply(); }, { signal: drag.signal });
    for (const end of ['pointerup', 'pointercancel'] as const) {
      svg.addEventListener(end, () => drag.abort(), { signal: drag.signal });
    }
  }, options);
  svg.addEventListener('keydown', e => {
    const factor = { '+': 1.25, '=': 1.25, '-': 0.8 }[e.key];
    if (factor) {
      zoom(factor, svg.clientWidth / 2, svg.clientHeight / 2);
      e.preventDefault();
    }
  }, options);
  return {
    fit(width, height) {
      const [w, h] = [svg.clientWidth || width, svg.clientHeight || height];
      scale = Math.min(1, Math.max(MIN, Math.min(w / width, h / height)));
      x = (w - width * scale) / 2;
      y = (h - height * scale) / 2;
      apply();
    },
    centre(cx, cy) {
      x = svg.clientWidth / 2 - cx * scale;
      y = svg.clientHeight / 2 - cy * scale;
      apply();
    },
    dispose: () => stop.abort()
  };
}
