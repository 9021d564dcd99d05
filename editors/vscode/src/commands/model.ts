// Select Model: the setting `neocaret.model`, chosen from what the server knows. The server downloads and loads.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { about } from '../modelText';
import { execute } from '../serverCommands';

const OTHER = 'Another name, or a folder...';

export async function selectModel(client: LanguageClient): Promise<void> {
  const current = vscode.workspace.getConfiguration('neocaret').get<string>('model');
  const { models } = await execute(client, 'models');
  const items = models.map((model) => ({ label: model.name, description: about(model, current) }));
  const chosen = await vscode.window.showQuickPick([...items, { label: OTHER, description: '' }], {
    title: 'Select Model',
    placeHolder: 'Which model continues your code?',
  });
  const name = chosen?.label === OTHER ? await askName(current) : chosen?.label;
  if (name) {
    await use(name);
  }
}

function askName(current: string | undefined): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: 'Select Model',
    prompt: 'A name on the Hugging Face hub, or a folder with a model.',
    ...(current === undefined ? {} : { value: current }),
  });
}

/** Write the setting where it is set already: the workspace's settings lie over the user's. */
async function use(name: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration('neocaret');
  const inWorkspace = settings.inspect('model')?.workspaceValue !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await settings.update('model', name, target);
}
