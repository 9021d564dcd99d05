// What a click on the status bar opens: the commands, those first that the state asks for.

import * as vscode from 'vscode';
import type { Neocaret } from '../neocaret';
import { menuFor } from '../menuItems';

export async function showMenu(neocaret: Neocaret): Promise<void> {
  const items = menuFor(neocaret.bar.current.state);
  const chosen = await vscode.window.showQuickPick([...items], { title: 'Neocaret' });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command, ...chosen.args);
  }
}
