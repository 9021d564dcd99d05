// What the user is told, and offered, where there is no server.

import * as vscode from 'vscode';

const INSTALL = 'Install...';
const SETTING = 'Open Settings';

/** Offer what helps; `install` where the user wants that. */
export async function tellMissing(message: string, install: () => Promise<void>): Promise<void> {
  const chosen = await vscode.window.showWarningMessage(message, INSTALL, SETTING);
  if (chosen === INSTALL) {
    await install();
  } else if (chosen === SETTING) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'neocaret.server.path');
  }
}
