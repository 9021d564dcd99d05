// Show Status, and Show Statistics, in read-only documents.

import type { LanguageClient } from 'vscode-languageclient/node';
import { execute } from '../serverCommands';
import { run } from '../server/run';
import { statusPage } from '../statusReport';
import type { Tools } from './register';

export async function showStatus(client: LanguageClient, { neocaret, pages }: Tools): Promise<void> {
  const found = neocaret.found;
  const where = found && { command: [found.command, ...found.args].join(' '), foundIn: found.where };
  await pages.show('status', statusPage({ ...where, ...(await execute(client, 'status')) }));
}

/** They are read from files by the command line; asked for its status, the server writes there what it still holds. */
export async function showStatistics(client: LanguageClient, { neocaret, pages }: Tools): Promise<void> {
  if (neocaret.found === undefined) {
    return;
  }
  await execute(client, 'status');
  const { command, args } = neocaret.found;
  const { code, output } = await run(command, [...args, 'stats'], () => undefined);
  if (code !== 0) {
    throw new Error(output.trim() || `neocaret stats ended with ${String(code)}`);
  }
  await pages.show('statistics', output);
}
