// The language client: how the server is started, what it is told, and what comes back beside answers.

import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind } from 'vscode-languageclient/node';
import type { LanguageClientOptions, Middleware } from 'vscode-languageclient/node';
import { forServer } from './clientSettings';
import { documentFilters } from './documents';
import { serverEnvironment } from './server/launch';
import type { Launch } from './server/launch';
import type { StatusBar } from './status/bar';

const RESTARTS_IN_THREE_MINUTES = 5;

/** Make the client of a server; it is not started yet. */
export function newClient(launch: Launch, bar: StatusBar, log: vscode.LogOutputChannel): LanguageClient {
  const executable = {
    command: launch.command,
    args: [...launch.args],
    transport: TransportKind.stdio,
    options: { env: serverEnvironment(process.env) },
  };
  const client = new LanguageClient('neocaret', 'Neocaret', executable, options(bar, log));
  client.onNotification('neocaret/statusChanged', (status: unknown) => {
    bar.take(status);
  });
  return client;
}

function options(bar: StatusBar, log: vscode.LogOutputChannel): LanguageClientOptions {
  const settings = forServer(vscode.workspace.getConfiguration().get('neocaret'));
  return {
    documentSelector: documentFilters(),
    initializationOptions: { ...(settings as object), statusNotifications: true },
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    connectionOptions: { maxRestartCount: RESTARTS_IN_THREE_MINUTES },
    middleware: middleware(bar),
  };
}

function middleware(bar: StatusBar): Middleware {
  return {
    workspace: {
      // The section holds the extension's own settings too; the server asks for what is its own.
      didChangeConfiguration: (_sections, next) => next(undefined),
      configuration: async (params, token, next) => {
        const given = await next(params, token);
        return Array.isArray(given) ? given.map(forServer) : given;
      },
    },
    executeCommand: (command, args, next) => {
      if (command === 'neocaret.accepted') {
        // A step of the walkthrough waits for it.
        void vscode.commands.executeCommand('setContext', 'neocaret.hasAccepted', true);
      }
      return next(command, args) as unknown;
    },
    provideCompletionItem: (document, position, context, token, next) =>
      bar.during(Promise.resolve(next(document, position, context, token))),
    provideInlineCompletionItems: (document, position, context, token, next) =>
      bar.during(Promise.resolve(next(document, position, context, token))),
  };
}
