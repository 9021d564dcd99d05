// Pause and Resume.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { execute } from '../serverCommands';

const LENGTHS = [
  { label: 'Until I resume', argument: {} },
  { label: 'For 10 minutes', argument: { minutes: 10 } },
  { label: 'For an hour', argument: { minutes: 60 } },
];

export async function pause(client: LanguageClient): Promise<void> {
  const chosen = await vscode.window.showQuickPick(LENGTHS, { title: 'Pause Suggestions' });
  if (chosen !== undefined) {
    await execute(client, 'pause', chosen.argument);
  }
}

export async function resume(client: LanguageClient): Promise<void> {
  await execute(client, 'resume');
}
