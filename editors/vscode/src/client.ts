// The language client: how the server is started, what it is told, and what comes back beside answers.

import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
} from 'vscode-languageclient/node';
import type { ErrorHandler, LanguageClientOptions, Middleware } from 'vscode-languageclient/node';
import { forServer } from './clientSettings';
import { documentFilters } from './documents';
import { serverEnvironment } from './server/launch';
import type { Launch } from './server/launch';
import type { StatusBar } from './status/bar';

/** Write errors that a connection may have before it is given up. */
const WRITE_ERRORS = 3;

/** Its own messages speak of pipes and codes: they are for the log, and the user is told by whoever made the client. */
class Client extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** Make the client of a server; it is not started yet. */
export function newClient(launch: Launch, bar: StatusBar, log: vscode.LogOutputChannel): LanguageClient {
  const executable = {
    command: launch.command,
    args: [...launch.args],
    transport: TransportKind.stdio,
    options: { env: serverEnvironment(process.env) },
  };
  const client = new Client('neocaret', 'Neocaret', executable, options(bar, log));
  client.onNotification('neocaret/statusChanged', (status: unknown) => {
    bar.take(status);
  });
  return client;
}

/** Whether a server that has ended is started again is decided where all of its life is: not by a client. */
const ERRORS: ErrorHandler = {
  error: (_error, _message, count) => ({
    action: count !== undefined && count <= WRITE_ERRORS ? ErrorAction.Continue : ErrorAction.Shutdown,
    handled: true,
  }),
  closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
};

function options(bar: StatusBar, log: vscode.LogOutputChannel): LanguageClientOptions {
  const settings = forServer(vscode.workspace.getConfiguration().get('neocaret'));
  return {
    documentSelector: documentFilters(),
    initializationOptions: { ...(settings as object), statusNotifications: true },
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    errorHandler: ERRORS,
    initializationFailedHandler: () => false,
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
