// Generate from Prompt, and from Selection: any text continued, in a new document beside.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { LENGTH, numberIn, problemWith, TEMPERATURE } from '../numbers';
import type { Range } from '../numbers';
import { generate } from '../serverCommands';
import type { Tools } from './register';

const LAST_LENGTH = 'generate.length';
const LAST_TEMPERATURE = 'generate.temperature';

export async function generateFromPrompt(client: LanguageClient, tools: Tools): Promise<void> {
  const prompt = await vscode.window.showInputBox({
    title: 'Generate from Prompt',
    prompt: 'The text to continue.',
    placeHolder: 'import pandas as pd',
  });
  if (prompt) {
    await generateFrom(client, tools, prompt, vscode.window.activeTextEditor?.document.languageId ?? 'plaintext');
  }
}

export async function generateFromSelection(client: LanguageClient, tools: Tools): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const prompt = editor?.document.getText(editor.selection);
  if (!editor || !prompt) {
    void vscode.window.showInformationMessage('Neocaret: select the text to continue first.');
    return;
  }
  await generateFrom(client, tools, prompt, editor.document.languageId);
}

async function generateFrom(
  client: LanguageClient,
  { neocaret }: Tools,
  prompt: string,
  language: string,
): Promise<void> {
  const memory = neocaret.context.globalState;
  const maxNewTokens = await ask(memory, LENGTH, LAST_LENGTH, 128);
  const temperature = maxNewTokens && (await ask(memory, TEMPERATURE, LAST_TEMPERATURE, 0.7));
  if (temperature === undefined) {
    return;
  }
  const text = await withProgress(client, { prompt, maxNewTokens, temperature, candidates: 1 });
  const document = await vscode.workspace.openTextDocument({ content: text, language });
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside });
}

async function ask(memory: vscode.Memento, range: Range, key: string, first: number): Promise<number | undefined> {
  const text = await vscode.window.showInputBox({
    title: range.name,
    value: String(memory.get(key, first)),
    validateInput: (typed) => problemWith(range, typed),
  });
  const number = text === undefined ? undefined : numberIn(range, text);
  if (number !== undefined) {
    await memory.update(key, number);
  }
  return number;
}

/** The prompt with its continuation. */
async function withProgress(client: LanguageClient, argument: Readonly<Record<string, unknown>>): Promise<string> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: 'Neocaret: generating',
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (progress, token) => {
    let percentage = 0;
    const report = (value: { message?: string; percentage?: number }): void => {
      const increment = (value.percentage ?? percentage) - percentage;
      percentage += increment;
      progress.report({ increment, ...(value.message === undefined ? {} : { message: value.message }) });
    };
    try {
      const { candidates } = await generate(client, argument, report, token);
      return candidates[0]?.generated_text ?? '';
    } catch (error) {
      throw token.isCancellationRequested ? new vscode.CancellationError() : error;
    }
  });
}
