// Runs a program to its end.

import { spawn } from 'node:child_process';
import type { CancellationToken } from 'vscode';
import { serverEnvironment } from './launch';

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Run a program without a shell; what it writes goes to `log`, line by line.
 *
 * @throws where the program cannot be started
 */
export function run(
  command: string,
  args: readonly string[],
  log: (line: string) => void,
  token?: CancellationToken,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: serverEnvironment(process.env), stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = token?.onCancellationRequested(() => child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        text.trimEnd().split(/\r?\n/).forEach(log);
      });
    }
    child.on('error', (error) => {
      stop?.dispose();
      reject(error);
    });
    child.on('close', (code) => {
      stop?.dispose();
      resolve({ code, output });
    });
  });
}
