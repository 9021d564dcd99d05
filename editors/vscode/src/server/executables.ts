// Where programs lie: in a Python environment, and on the search path.

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export const SCRIPT = 'neocaret';

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The file names that a program may have: on Windows with an extension. */
export function fileNames(name: string, platform: NodeJS.Platform = process.platform): string[] {
  return platform === 'win32' ? [`${name}.exe`, `${name}.cmd`, `${name}.bat`] : [name];
}

/** The first of these programs that is in one of the folders. */
export async function findIn(folders: readonly string[], names: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const path = join(folder, name);
      if (await isExecutable(path)) {
        return path;
      }
    }
  }
  return undefined;
}

/** The folders of the search path. An empty entry means the current folder, which a workspace may fill: left out. */
export function searchPath(environment: NodeJS.ProcessEnv): string[] {
  const name = Object.keys(environment).find((each) => each.toUpperCase() === 'PATH') ?? 'PATH';
  return (environment[name] ?? '').split(delimiter).filter((folder) => folder !== '' && folder !== '.');
}

/** The folder of an environment that holds its programs. */
export function programsOf(environment: string, platform: NodeJS.Platform = process.platform): string {
  return join(environment, platform === 'win32' ? 'Scripts' : 'bin');
}
