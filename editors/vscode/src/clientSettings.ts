// What of the section `neocaret` is the server's; pure.

/** Settings of the extension itself, which the server knows nothing of. */
const OWN = new Set(['server', 'trace']);

/** The section as the server may see it. */
export function forServer(section: unknown): unknown {
  if (section === null || typeof section !== 'object' || Array.isArray(section)) {
    return section;
  }
  return Object.fromEntries(Object.entries(section).filter(([name]) => !OWN.has(name)));
}
