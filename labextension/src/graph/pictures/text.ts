/** Widths of texts, so that no text leaves its box. */

/** Fonts of the picture, as set by `graph/style.ts`. */
const FONTS = {
  name: '500 13px',
  small: '11px',
  badge: '600 10px',
  middling: '500 18px',
  sign: '500 25px',
  huge: '500 36px'
} as const;
export type Font = keyof typeof FONTS;

let context: CanvasRenderingContext2D | null = null;
let family = 'system-ui, sans-serif';

/** Set the font family in use around the graph. */
export function setFamily(used: string): void {
  family = used || family;
}

/** Return the width of a text in pixels, at a scale of 1. */
export function width(text: string, font: Font): number {
  context ??= document.createElement('canvas').getContext('2d');
  if (!context) {
    return text.length * 7.6;
  }
  context.font = `${FONTS[font]} ${family}`;
  return context.measureText(text).width;
}

/** Cut a text that is too wide, with an ellipsis at the end; never in the middle of a character. */
export function cut(text: string, room: number, font: Font): string {
  return fitted(text, room, font, (all, kept) => `${all.slice(0, kept).join('')}…`);
}

/** Shorten a text that is too wide, keeping both ends: names often differ in their last letters only. */
export function squeezed(text: string, room: number, font: Font): string {
  return fitted(
    text,
    room,
    font,
    (all, kept) => `${all.slice(0, (kept + 1) >> 1).join('')}…${all.slice(all.length - (kept >> 1)).join('')}`
  );
}

/** Return as many characters as fit, the others left out by `without`. */
function fitted(text: string, room: number, font: Font, without: (all: string[], kept: number) => string): string {
  if (width(text.slice(0, 400), font) <= room && text.length <= 400) {
    return text;
  }
  const characters = [...(text.length > 400 ? text.slice(0, 200) + text.slice(-200) : text)];
  let [fits, over] = [0, characters.length];
  while (over - fits > 1) {
    const half = (fits + over) >> 1;
    [fits, over] = width(without(characters, half), font) <= room ? [half, over] : [fits, half];
  }
  return without(characters, fits);
}
