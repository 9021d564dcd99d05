// Numbers that are typed into input boxes; pure.

export interface Range {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

export const LENGTH: Range = { name: 'Length in tokens', least: 1, most: 2048, whole: true };
export const TEMPERATURE: Range = { name: 'Temperature', least: 0, most: 2, whole: false };

/** The number; undefined where it is none of the range. */
export function numberIn(range: Range, text: string): number | undefined {
  const number = text.trim() === '' ? NaN : Number(text.trim().replace(',', '.'));
  const fits = number >= range.least && number <= range.most && (!range.whole || Number.isInteger(number));
  return fits ? number : undefined;
}

/** What is wrong with it, in a sentence; undefined where nothing is. */
export function problemWith(range: Range, text: string): string | undefined {
  const kind = range.whole ? 'a whole number' : 'a number';
  return numberIn(range, text) === undefined ? `${kind} from ${range.least} to ${range.most}, please` : undefined;
}
