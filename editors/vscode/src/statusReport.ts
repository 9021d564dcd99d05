// The server's status as a page; pure.

/** One line for each thing that is known, nested ones with their own. */
export function statusPage(status: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(status).flatMap(([name, value]) => linesOf(name, value));
  return `Neocaret's server\n\n${lines.join('\n')}\n`;
}

function linesOf(name: string, value: unknown): string[] {
  if (value === null || value === undefined) {
    return [];
  }
  if (typeof value === 'object') {
    return Object.entries(value).flatMap(([inner, each]) => linesOf(`${name}.${inner}`, each));
  }
  return [`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`];
}
