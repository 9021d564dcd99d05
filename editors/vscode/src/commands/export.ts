// Export Completion to File: one candidate or all, with or without the text before the caret. The server writes.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { exportCalls, heading, label } from '../candidateText';
import { execute } from '../serverCommands';
import type { Candidate } from '../serverCommands';
import { offered } from './candidates';

const FILE = 'gpt_text.txt';

interface Choice extends vscode.QuickPickItem {
  readonly candidates: readonly Candidate[];
}

export async function exportToFile(client: LanguageClient): Promise<void> {
  const candidates = await offered(client);
  const chosen = candidates && (await chooseCandidates(candidates));
  if (chosen === undefined) {
    return;
  }
  const includePrompt = await chooseContents();
  if (includePrompt === undefined) {
    return;
  }
  const uri = await vscode.window.showSaveDialog({ defaultUri: defaultUri(), title: 'Export Completion' });
  if (uri === undefined) {
    return;
  }
  for (const call of exportCalls(client.code2ProtocolConverter.asUri(uri), chosen, includePrompt)) {
    await execute(client, 'exportCompletion', call);
  }
}

async function chooseCandidates(candidates: readonly Candidate[]): Promise<readonly Candidate[] | undefined> {
  if (candidates.length === 1) {
    return candidates;
  }
  const items: Choice[] = candidates.map((candidate, index) => ({
    label: label(candidate.text),
    description: `${index + 1} of ${candidates.length}`,
    candidates: [candidate],
  }));
  const all = { label: `All ${candidates.length}`, description: `each under ${heading(1, candidates.length)}` };
  const chosen = await vscode.window.showQuickPick([...items, { ...all, candidates }], {
    title: 'Export Completion',
    placeHolder: 'Which one?',
  });
  return chosen?.candidates;
}

async function chooseContents(): Promise<boolean | undefined> {
  const items = [
    { label: 'The completion alone', includePrompt: false },
    { label: 'With the text before the caret', includePrompt: true },
  ];
  return (await vscode.window.showQuickPick(items, { title: 'Export Completion' }))?.includePrompt;
}

function defaultUri(): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return folder === undefined ? vscode.Uri.file(FILE) : vscode.Uri.joinPath(folder, FILE);
}
