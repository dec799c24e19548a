/** JSON typed by people: validity and encoding. */

/** Return why a text is not JSON, with line and column; empty if valid. */
export function invalid(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const message = (error as Error).message
      .replace(/ \(line \d+ column \d+\)/, '')
      .replace(/ in JSON| at end of JSON input/, '');
    const found = / at position (\d+)/.exec(message);
    const at = found ? Number(found[1]) : text.length;
    const lines = text.slice(0, at).split('\n');
    return `This is not JSON: line ${lines.length}, column ${lines[lines.length - 1].length + 1}: ${message.replace(/ at position \d+.*/, '').replace(/, "?\.\.\.[^]*/, '')}`;
  }
}

/** Encode a JSON text in Base64, without spaces between the parts and with all digits as typed. */
export function encode(text: string): string {
  const bytes = new TextEncoder().encode(text.replace(/("(?:\\.|[^"\\])*")|\s+/g, '$1'));
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary);
}

/** Return true if the text uses tags for values that JSON cannot express. */
export const isTagged = (text: string) => text.includes('"$floe"');

/** Return true if reading in a browser changed a number of the value. */
export function inexact(value: unknown): boolean {
  if (typeof value === 'number') {
    return Number.isInteger(value) && !Number.isSafeInteger(value);
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(inexact);
}
