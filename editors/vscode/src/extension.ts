// Where the editor begins and ends; everything clever is in the server.

import * as vscode from 'vscode';
import { registerCommands } from './commands/register';
import { isServed } from './documents';
import { Neocaret } from './neocaret';
import { onDidSelectEnvironment } from './server/pythonExtension';
import { StatusBar } from './status/bar';

let neocaret: Neocaret | undefined;

/** Settings that only a restart puts into effect. */
const AT_START = ['neocaret.server.path', 'neocaret.server.languageIds'];

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Neocaret', { log: true });
  const bar = new StatusBar();
  const started = new Neocaret(context, bar, log);
  neocaret = started;
  context.subscriptions.push(log, bar, ...registerCommands(started), ...restartWhereNeeded(started));
  startWithFirstDocument(context, started);
}

export async function deactivate(): Promise<void> {
  await neocaret?.stop();
}

function startWithFirstDocument(context: vscode.ExtensionContext, started: Neocaret): void {
  if (vscode.workspace.textDocuments.some(isServed)) {
    void started.running();
    return;
  }
  const opened = vscode.workspace.onDidOpenTextDocument((document) => {
    if (isServed(document)) {
      opened.dispose();
      void started.running();
    }
  });
  context.subscriptions.push(opened);
}

function restartWhereNeeded(started: Neocaret): vscode.Disposable[] {
  const settings = vscode.workspace.onDidChangeConfiguration((event) => {
    if (AT_START.some((name) => event.affectsConfiguration(name)) && started.wasAsked) {
      void started.restart();
    }
  });
  const environments = onDidSelectEnvironment(() => {
    if (started.wasAsked) {
      void started.restart();
    }
  });
  void environments.then((selected) => {
    if (selected !== undefined) {
      started.context.subscriptions.push(selected);
    }
  });
  return [settings];
}
