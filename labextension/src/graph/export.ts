/** Picture as a separate file: an SVG that needs no style sheet, or a PNG of the SVG. */

import type { Size } from './geometry';

/** Attributes that make the look of a shape or text. */
const LOOK = [
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'opacity',
  'paint-order',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'r'
];
const SPACE = 'http://www.w3.org/2000/svg';
/** Pixels of a PNG per pixel of the picture, and maximum pixels of a side. */
const SHARP = 2,
  LONGEST = 8_192;

/** Return the text of an SVG file: the drawing as on the page, in its natural size. */
export function svgFile(svg: SVGSVGElement, { width, height }: Size, margin: number): string {
  const colors = new Colors();
  const made = copy(svg, colors) as SVGSVGElement;
  const [left, top, wide, high] = [-margin, -margin, Math.ceil(width + 2 * margin), Math.ceil(height + 2 * margin)];
  made.querySelector('.floe-drawing')?.removeAttribute('transform');
  Object.entries({
    xmlns: SPACE,
    viewBox: `${left} ${top} ${wide} ${high}`,
    width: wide,
    height: high,
    'font-family': getComputedStyle(svg).fontFamily
  }).forEach(([name, value]) => made.setAttribute(name, String(value)));
  ['tabindex', 'style', 'class'].forEach(name => made.removeAttribute(name));
  const page = document.createElementNS(SPACE, 'rect');
  Object.entries({ x: left, y: top, width: wide, height: high }).forEach(([name, value]) =>
    page.setAttribute(name, String(value))
  );
  colors.set(page, 'fill', getComputedStyle(svg.parentElement!).backgroundColor);
  made.insertBefore(page, made.firstChild);
  return new XMLSerializer().serializeToString(made);
}

/** Return a copy with its look in its attributes, without hidden parts. */
function copy(from: Element, colors: Colors): Element | null {
  const style = getComputedStyle(from);
  if (style.display === 'none' && from.tagName !== 'defs' && !from.closest('defs')) {
    return null;
  }
  const made = from.cloneNode(false) as Element;
  ['aria-pressed', 'tabindex', 'role'].forEach(name => made.removeAttribute(name));
  if (['rect', 'circle', 'path', 'text'].includes(from.tagName)) {
    colors.set(made, 'fill', style.fill);
    colors.set(made, 'stroke', style.stroke);
    for (const name of LOOK) {
      const value = style.getPropertyValue(name);
      if (value && value !== 'normal' && value !== 'auto' && (name !== 'r' || from.tagName === 'circle')) {
        made.setAttribute(name, value);
      }
    }
    if (style.markerEnd && style.markerEnd !== 'none') {
      made.setAttribute('marker-end', 'url(#floe-arrow)');
    }
  }
  for (const child of from.childNodes) {
    const part = child instanceof Element ? copy(child, colors) : child.cloneNode();
    if (part) {
      made.append(part);
    }
  }
  return made;
}

/** Colours in a form that all programs read: a colour that the page mixes is painted and read back. */
class Colors {
  private readonly pen: CanvasRenderingContext2D | null;
  private readonly cache = new Map<string, [string, number]>();

  constructor() {
    this.pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', {
      willReadFrequently: true
    });
  }

  set(to: Element, name: 'fill' | 'stroke', color: string): void {
    if (!color || color === 'none') {
      to.setAttribute(name, 'none');
      return;
    }
    const [plain, opacity] = this.read(color);
    to.setAttribute(name, plain);
    if (opacity < 1) {
      to.setAttribute(`${name}-opacity`, opacity.toFixed(3));
    }
  }

  private read(color: string): [string, number] {
    const found = this.cache.get(color);
    if (found || !this.pen) {
      return found ?? [color, 1];
    }
    this.pen.clearRect(0, 0, 1, 1);
    this.pen.fillStyle = color;
    this.pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = this.pen.getImageData(0, 0, 1, 1).data;
    const made: [string, number] = [`#${[r, g, b].map(part => part.toString(16).padStart(2, '0')).join('')}`, a / 255];
    this.cache.set(color, made);
    return made;
  }
}

/** Return a PNG of an SVG file. */
export async function pngOf(svg: string, { width, height }: Size): Promise<Blob> {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    image.src = url;
    await image.decode();
    const scale = Math.min(SHARP, LONGEST / Math.max(width, height));
    const canvas = Object.assign(document.createElement('canvas'), {
      width: Math.round(width * scale),
      height: Math.round(height * scale)
    });
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, fail) =>
      canvas.toBlob(made => (made ? done(made) : fail(new Error('This picture is too large for a PNG: export it as SVG.'))))
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Download a file to the person. */
export function save(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
