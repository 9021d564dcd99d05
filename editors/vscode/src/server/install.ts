// Installs the server into an environment of the extension's own, after saying what that means.

import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { doing, failure, installSteps, installWarning, isNewEnough } from './installPlan';
import type { Build, Step } from './installPlan';
import { fileNames, findIn, searchPath } from './executables';
import { ownEnvironment } from './places';
import { selectedPrograms } from './pythonExtension';
import { run } from './run';

const CPU = 'Install for CPU';
const GPU = 'Install for NVIDIA GPU';
const SHOW_LOG = 'Show Log';
const SETTING = 'Open Settings';

/** Install the server if the user agrees; true where it is there afterwards. */
export async function installServer(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<boolean> {
  const folder = ownEnvironment(context);
  const what = vscode.workspace.getConfiguration('neocaret').get<string>('server.package', 'neocaret');
  const detail = installWarning(folder, what);
  const chosen = await vscode.window.showInformationMessage(
    'Install the Neocaret server?',
    { modal: true, detail },
    CPU,
    GPU,
  );
  if (chosen === undefined) {
    return false;
  }
  const python = await findPython();
  if (python === undefined) {
    void vscode.window.showErrorMessage('Neocaret needs Python 3.11 or later, and there is no such python3 on PATH.');
    return false;
  }
  return withProgress(python, folder, what, chosen === CPU ? 'cpu' : 'gpu', log);
}

async function findPython(): Promise<string | undefined> {
  const folders = [...(await selectedPrograms()), ...searchPath(process.env)];
  for (const name of ['python3', 'python', 'python3.13', 'python3.12', 'python3.11']) {
    const python = await findIn(folders, fileNames(name));
    if (python !== undefined && isNewEnough((await run(python, ['--version'], () => undefined)).output)) {
      return python;
    }
  }
  return undefined;
}

async function withProgress(
  python: string,
  folder: string,
  what: string,
  build: Build,
  log: vscode.LogOutputChannel,
): Promise<boolean> {
  await mkdir(dirname(folder), { recursive: true });
  const options = { location: vscode.ProgressLocation.Notification, title: 'Neocaret', cancellable: true };
  return vscode.window.withProgress(options, async (progress, token) => {
    for (const step of installSteps(python, folder, what, build)) {
      const report = (message: string): void => { progress.report({ message }); };
      if (!(await taken(step, log, report, token))) {
        // Half a server must not be taken for one, nor keep its gigabytes.
        await rm(folder, { recursive: true, force: true });
        return false;
      }
    }
    return true;
  });
}

/** Take one step; false where it failed, which the user is told, or was cancelled. */
async function taken(
  step: Step,
  log: vscode.LogOutputChannel,
  report: (message: string) => void,
  token: vscode.CancellationToken,
): Promise<boolean> {
  report(step.says);
  log.info(`${step.says}: ${[step.command, ...step.args].join(' ')}`);
  const follow = (line: string): void => {
    log.info(line);
    const now = doing(line);
    if (now !== undefined) {
      report(`${step.says}: ${now}`);
    }
  };
  const { code, output } = await run(step.command, step.args, follow, token).catch((error: unknown) => ({
    code: null,
    output: String(error),
  }));
  if (code !== 0 && !token.isCancellationRequested) {
    void tellFailure(failure(step, output), log);
  }
  return code === 0 && !token.isCancellationRequested;
}

async function tellFailure(message: string, log: vscode.LogOutputChannel): Promise<void> {
  const chosen = await vscode.window.showErrorMessage(message, SHOW_LOG, SETTING);
  if (chosen === SHOW_LOG) {
    log.show();
  } else if (chosen === SETTING) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'neocaret.server');
  }
}
