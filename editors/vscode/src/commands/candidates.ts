// Show Candidates: what was offered last, all of it, in a read-only document.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { page } from '../candidateText';
import { execute } from '../serverCommands';
import type { Candidate } from '../serverCommands';
import type { Tools } from './register';

/** What was offered last; undefined, and a word to the user, where that is nothing. */
export async function offered(client: LanguageClient): Promise<readonly Candidate[] | undefined> {
  const { candidates } = await execute(client, 'candidates');
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage('Neocaret: nothing has been offered yet.');
    return undefined;
  }
  return candidates;
}

export async function showCandidates(client: LanguageClient, { pages }: Tools): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId ?? 'plaintext';
  const candidates = await offered(client);
  if (candidates !== undefined) {
    const text = page(candidates.map((each) => each.text));
    await pages.show('candidates', text, { language, viewColumn: vscode.ViewColumn.Beside });
  }
}
