// The server's life: found, started, asked, restarted, ended.

import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';
import { newClient } from './client';
import type { Found } from './server/discovery';
import { installServer } from './server/install';
import { tellMissing } from './server/missing';
import { findServer } from './server/places';
import type { StatusBar } from './status/bar';

const MISSING = 'Neocaret has found no server: there is no program neocaret in the selected Python environment or on PATH.';

export class Neocaret {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient | undefined> | undefined;
  /** What runs, or ran last. */
  found: Found | undefined;
  /** Whether a server has ever been looked for. */
  wasAsked = false;

  constructor(
    readonly context: vscode.ExtensionContext,
    readonly bar: StatusBar,
    readonly log: vscode.LogOutputChannel,
  ) {}

  /** The running client; started where it is not. Undefined where that failed, which the user has been told. */
  async running(): Promise<LanguageClient | undefined> {
    this.wasAsked = true;
    this.starting ??= this.start();
    const client = await this.starting;
    if (client === undefined) {
      // The next command looks again: something may have been installed since.
      this.starting = undefined;
    }
    return client;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.running();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.starting = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      // A server that has crashed cannot be asked to end.
      this.log.debug(String(error));
    }
    this.bar.set({ state: 'stopped' });
  }

  /** Install a server if the user agrees, and start it. */
  async install(): Promise<void> {
    if (await installServer(this.context, this.log)) {
      await this.restart();
    }
  }

  private async start(): Promise<LanguageClient | undefined> {
    this.bar.set({ state: 'starting' });
    try {
      this.found = await findServer(this.context);
    } catch (error) {
      this.missing(error instanceof Error ? error.message : String(error));
      return undefined;
    }
    if (this.found === undefined) {
      this.missing(MISSING);
      return undefined;
    }
    this.log.info(`server found in ${this.found.where}: ${[this.found.command, ...this.found.args].join(' ')}`);
    return this.connect(this.found);
  }

  private missing(message: string): void {
    this.bar.set({ state: 'missing' });
    void tellMissing(message, () => this.install());
  }

  private async connect(found: Found): Promise<LanguageClient | undefined> {
    const client = newClient(found, this.bar, this.log);
    client.onDidChangeState((change) => {
      if (client === this.client) {
        this.follow(change.newState);
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.bar.set({ state: 'failed', reasonText: String(error) });
      void this.tellFailure();
      return undefined;
    }
    return client;
  }

  /** What a running server is, it says itself: it answers before its model is there. */
  private follow(state: State): void {
    if (state === State.Starting) {
      this.bar.set({ state: 'starting' });
    } else if (state === State.Stopped || state === State.StartFailed) {
      this.bar.set({ state: 'stopped' });
    }
  }

  private async tellFailure(): Promise<void> {
    const command = this.found?.command ?? '';
    const chosen = await vscode.window.showErrorMessage(`Neocaret: ${command} did not start as a server.`, 'Show Log');
    if (chosen !== undefined) {
      this.log.show();
    }
  }
}
