// The status bar item: the last status, and whether something is being asked.

import * as vscode from 'vscode';
import { statusOf } from './state';
import type { Status } from './state';
import { shown } from './text';

export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private status: Status = { state: 'starting' };
  private waiting = 0;

  constructor() {
    this.item = vscode.window.createStatusBarItem('neocaret.status', vscode.StatusBarAlignment.Right, 100);
    this.item.name = 'Neocaret';
    this.item.command = 'neocaret.menu';
  }

  get current(): Status {
    return this.status;
  }

  /** Show what the server has said. */
  take(given: unknown): void {
    this.set(statusOf(given));
  }

  set(status: Status): void {
    this.status = status;
    for (const state of ['paused', 'ready']) {
      void vscode.commands.executeCommand('setContext', `neocaret.${state}`, status.state === state);
    }
    this.draw();
    this.item.show();
  }

  /** Show that a question is being answered until it is. */
  async during<T>(answer: PromiseLike<T>): Promise<T> {
    this.waiting += 1;
    this.draw();
    try {
      return await answer;
    } finally {
      this.waiting -= 1;
      this.draw();
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private draw(): void {
    const { text, tooltip, warns } = shown(this.status, this.waiting);
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = warns ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }
}
