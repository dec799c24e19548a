/** How wide texts are, so that none leaves its box. */

/** The fonts of the picture, as `style.ts` sets them. */
const FONTS = { name: '500 13px', small: '11px', badge: '600 10px', sign: '500 25px' } as const;
export type Font = keyof typeof FONTS;

let context: CanvasRenderingContext2D | null = null;
let family = 'system-ui, sans-serif';

/** The family in use where the graph stands. */
export function setFamily(used: string): void {
  family = used || family;
}

/** In pixels, at a scale of 1. */
export function width(text: string, font: Font): number {
  context ??= document.createElement('canvas').getContext('2d');
  if (!context) {
    return text.length * 7.6;
  }
  context.font = `${FONTS[font]} ${family}`;
  return context.measureText(text).width;
}

/** Ends a text that would be wider with an ellipsis; never in the middle of a character. */
export function cut(text: string, room: number, font: Font): string {
  if (width(text.slice(0, 400), font) <= room && text.length <= 400) {
    return text;
  }
  const characters = [...text.slice(0, 400)];
  let [fits, over] = [0, characters.length];
  while (over - fits > 1) {
    const half = (fits + over) >> 1;
    [fits, over] = width(`${characters.slice(0, half).join('')}…`, font) <= room ? [half, over] : [fits, half];
  }
  return `${characters.slice(0, fits).join('')}…`;
}
