// The server's own commands, with the types of what they take and return.

import { ExecuteCommandRequest, WorkDoneProgress } from 'vscode-languageclient/node';
import { randomUUID } from 'node:crypto';
import type { CancellationToken } from 'vscode';
import type { LanguageClient, WorkDoneProgressBegin, WorkDoneProgressReport } from 'vscode-languageclient/node';

export interface Candidate {
  readonly id: string;
  readonly text: string;
}

export interface Model {
  readonly name: string;
  readonly bytes: number;
  readonly licence: string;
  readonly here: boolean;
}

export interface Results {
  candidates: { readonly candidates: readonly Candidate[] };
  models: { readonly models: readonly Model[] };
  exportCompletion: { readonly path: string; readonly bytes: number };
  generate: { readonly candidates: readonly { readonly text: string; readonly generated_text: string }[] };
  status: Readonly<Record<string, unknown>>;
  pause: unknown;
  resume: unknown;
}

/**
 * Execute one of the server's commands.
 *
 * @throws an error with the server's own sentence where it refuses
 */
export async function execute<Name extends keyof Results>(
  client: LanguageClient,
  name: Name,
  argument: Readonly<Record<string, unknown>> = {},
): Promise<Results[Name]> {
  const params = { command: `neocaret.${name}`, arguments: [argument] };
  return (await client.sendRequest(ExecuteCommandRequest.type, params)) as Results[Name];
}

/** Generate, with reports on the way; cancelled by the token. */
export async function generate(
  client: LanguageClient,
  argument: Readonly<Record<string, unknown>>,
  report: (progress: WorkDoneProgressBegin | WorkDoneProgressReport) => void,
  token: CancellationToken,
): Promise<Results['generate']> {
  const workDoneToken = randomUUID();
  const reports = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
    if (value.kind !== 'end') {
      report(value);
    }
  });
  try {
    const params = { command: 'neocaret.generate', arguments: [argument], workDoneToken };
    return (await client.sendRequest(ExecuteCommandRequest.type, params, token)) as Results['generate'];
  } finally {
    reports.dispose();
  }
}
