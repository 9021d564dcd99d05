// Candidates as they are listed and shown; pure.

import type { Candidate } from './serverCommands';

/** The heading of one among several. */
export function heading(number: number, count: number): string {
  return `==> ${number} of ${count} <==`;
}

/** All of them below each other, each under its heading. */
export function page(texts: readonly string[]): string {
  return texts.map((text, index) => `${heading(index + 1, texts.length)}\n${text}\n`).join('\n');
}

const LABEL = 80;

/** The text in one line, shortened: candidates often begin with the same one. */
export function label(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  const whole = lines.filter((line) => line !== '').join(' ⏎ ');
  return whole.length > LABEL ? `${whole.slice(0, LABEL - 1)}…` : whole;
}

/** What `neocaret.exportCompletion` is asked for, call by call: the first writes the file anew, the others go on. */
export function exportCalls(
  uri: string,
  candidates: readonly Candidate[],
  includePrompt: boolean,
): Record<string, unknown>[] {
  const parts: Record<string, unknown>[] = candidates.flatMap(({ id }, index) => {
    const completion = { completionId: id, includePrompt };
    if (candidates.length === 1) {
      return [completion];
    }
    const text = `${index > 0 ? '\n\n' : ''}${heading(index + 1, candidates.length)}\n`;
    return [{ text }, completion];
  });
  // The save dialog has asked before overwriting, and whoever chose there has pointed outside the workspace.
  return parts.map((part, index) => ({
    uri,
    ...part,
    ...(index === 0 ? { overwrite: true } : { append: true }),
    outsideWorkspace: true,
  }));
}
