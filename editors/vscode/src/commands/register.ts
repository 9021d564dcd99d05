// The commands of the palette. The server's own are registered by the client, under other names.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Neocaret } from '../neocaret';
import { Pages } from '../pages';
import { showCandidates } from './candidates';
import { exportToFile } from './export';
import { generateFromPrompt, generateFromSelection } from './generate';
import { showMenu } from './menu';
import { selectModel } from './model';
import { pause, resume } from './pause';
import { showStatistics, showStatus } from './report';

export interface Tools {
  readonly neocaret: Neocaret;
  readonly pages: Pages;
}

type Command = (client: LanguageClient, tools: Tools) => Promise<void>;

/** Those that ask the server. */
const ASKING: Readonly<Record<string, Command>> = {
  'neocaret.exportToFile': exportToFile,
  'neocaret.generateFromPrompt': generateFromPrompt,
  'neocaret.generateFromSelection': generateFromSelection,
  'neocaret.showCandidates': showCandidates,
  'neocaret.selectModel': selectModel,
  'neocaret.pauseSuggestions': pause,
  'neocaret.resumeSuggestions': resume,
  'neocaret.showStatus': showStatus,
  'neocaret.showStatistics': showStatistics,
};

export function registerCommands(neocaret: Neocaret): { dispose(): unknown }[] {
  const tools = { neocaret, pages: new Pages() };
  const others: Readonly<Record<string, () => unknown>> = {
    'neocaret.restart': () => neocaret.restart(),
    'neocaret.install': () => neocaret.install(),
    'neocaret.showLog': () => { neocaret.log.show(); },
    'neocaret.menu': () => showMenu(neocaret),
  };
  return [
    ...tools.pages.disposables,
    ...Object.entries(ASKING).map(([name, command]) =>
      vscode.commands.registerCommand(name, () => runAsking(command, tools)),
    ),
    ...Object.entries(others).map(([name, command]) => vscode.commands.registerCommand(name, command)),
  ];
}

/** Run a command over the running server; what it refuses is told in its own words. */
async function runAsking(command: Command, tools: Tools): Promise<void> {
  const client = await tools.neocaret.running();
  if (client === undefined) {
    return;
  }
  try {
    await command(client, tools);
  } catch (error) {
    if (!(error instanceof vscode.CancellationError)) {
      void vscode.window.showErrorMessage(`Neocaret: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
