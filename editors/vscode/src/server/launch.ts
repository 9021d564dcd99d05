// What starts the server, and in which environment; pure.

import { basename } from 'node:path';

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
}

const PYTHON = /^(python|pypy)[\d.]*(\.exe)?$/i;

/** The console script as it is; an interpreter with the module, and without the folder that it is started in. */
export function launchOf(path: string): Launch {
  return PYTHON.test(basename(path.replaceAll('\\', '/')))
    ? { command: path, args: ['-P', '-m', 'neocaret_server'] }
    : { command: path, args: [] };
}

/** The environment without what lets a workspace's files be imported in place of the server's. */
export function serverEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => name.toUpperCase() !== 'PYTHONPATH');
  return { ...Object.fromEntries(kept), PYTHONSAFEPATH: '1' };
}
