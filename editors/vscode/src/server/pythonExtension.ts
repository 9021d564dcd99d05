// The environment that the user has selected in the Python extension, where that is installed.

import { dirname } from 'node:path';
import * as vscode from 'vscode';

/** What is used of https://github.com/microsoft/vscode-python/wiki/Python-Environment-APIs. */
interface PythonApi {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

async function pythonApi(): Promise<PythonApi | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>('ms-python.python');
  try {
    return await extension?.activate();
  } catch {
    return undefined;
  }
}

/** The folder of the selected environment's programs; none where there is no such extension or environment. */
export async function selectedPrograms(): Promise<string[]> {
  const environments = (await pythonApi())?.environments;
  if (environments === undefined) {
    return [];
  }
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const resolved = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(folder));
  const interpreter = resolved?.executable.uri?.fsPath;
  return interpreter === undefined ? [] : [dirname(interpreter)];
}

/** Call back when another environment is selected. */
export async function onDidSelectEnvironment(changed: () => void): Promise<vscode.Disposable | undefined> {
  return (await pythonApi())?.environments?.onDidChangeActiveEnvironmentPath(changed);
}
