// The server's life: found, started, asked, restarted, ended.

import { setTimeout as after } from 'node:timers/promises';
import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { LanguageClient, StateChangeEvent } from 'vscode-languageclient/node';
import { newClient } from './client';
import { Crashes } from './server/crashes';
import type { Found } from './server/discovery';
import { installServer } from './server/install';
import { tellMissing } from './server/missing';
import { findServer } from './server/places';
import type { StatusBar } from './status/bar';

const RESTART = 'Restart';
const SHOW_LOG = 'Show Log';

const MISSING = 'Neocaret has found no server: there is no program neocaret in the selected Python environment or on PATH.';

/** How long a start that is under way is waited for before it is given up, in milliseconds. */
const PATIENCE = 2000;

export class Neocaret {
  private client: LanguageClient | undefined;
  private crashes = new Crashes();
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
    const starting = (this.starting ??= this.start());
    const client = await starting;
    if (client === undefined && this.starting === starting) {
      // The next command looks again: something may have been installed since.
      this.starting = undefined;
    }
    return client;
  }

  async restart(): Promise<void> {
    this.crashes = new Crashes();
    await this.stop();
    await this.running();
  }

  async stop(): Promise<void> {
    // A client that is starting cannot be stopped: its server would stay behind.
    await Promise.race([this.starting, after(PATIENCE)]);
    const client = this.client;
    this.client = undefined;
    this.starting = undefined;
    await this.end(client);
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
        this.follow(change);
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      if (client === this.client) {
        this.client = undefined;
        void this.end(client);
        this.bar.set({ state: 'failed', reasonText: String(error) });
        void this.tell(`${found.command} did not start as a server.`);
      }
      return undefined;
    }
    return client;
  }

  /** What a running server is, it says itself: it answers before its model is there. */
  private follow({ oldState, newState }: StateChangeEvent): void {
    if (newState === State.Stopped && oldState === State.Running) {
      void this.crashed();
    }
  }

  /** Start a server anew that has ended by itself, or give it up. */
  private async crashed(): Promise<void> {
    await this.stop();
    if (this.crashes.mayRestart()) {
      await this.running();
    } else {
      await this.tell('the server has crashed again and again, and is not started any more.');
    }
  }

  private async end(client: LanguageClient | undefined): Promise<void> {
    try {
      await client?.dispose();
    } catch (error) {
      // A server that has crashed cannot be asked to end.
      this.log.debug(String(error));
    }
  }

  private async tell(problem: string): Promise<void> {
    const chosen = await vscode.window.showErrorMessage(`Neocaret: ${problem}`, RESTART, SHOW_LOG);
    if (chosen === RESTART) {
      await this.restart();
    } else if (chosen === SHOW_LOG) {
      this.log.show();
    }
  }
}
