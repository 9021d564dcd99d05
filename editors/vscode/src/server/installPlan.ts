// Which programs an installation runs, and what is told before; pure.

import { join } from 'node:path';
import { programsOf } from './executables';

export type Build = 'cpu' | 'gpu';

export interface Step {
  readonly says: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Where PyTorch's project keeps the builds without GPU libraries; its own installation page names it. */
const CPU_BUILDS = 'https://download.pytorch.org/whl/cpu';

/** The steps that make an environment in a folder and install the server into it. */
export function installSteps(python: string, folder: string, what: string, build: Build): Step[] {
  const own = join(programsOf(folder), process.platform === 'win32' ? 'python.exe' : 'python');
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];
  // On macOS and Windows the ordinary build is the one for CPUs.
  const torch: Step[] =
    build === 'cpu' && process.platform === 'linux'
      ? [{ says: 'installing PyTorch for CPUs', command: own, args: [...pip, '--index-url', CPU_BUILDS, 'torch<2.14'] }]
      : [];
  return [
    { says: 'making a Python environment', command: python, args: ['-m', 'venv', '--clear', folder] },
    ...torch,
    { says: `installing ${what}`, command: own, args: [...pip, what] },
  ];
}

/** What the user reads before anything happens. */
export function installWarning(folder: string, what: string): string {
  return (
    `This makes a Python environment in ${folder} and installs ${what}, PyTorch and what they need into it, with pip. ` +
    'The build for CPUs downloads about 250 MB, the one for NVIDIA GPUs some gigabytes. ' +
    'Nothing outside that folder is changed; deleting it undoes it.'
  );
}

/** Whether `python --version` names a version that the server runs on. */
export function isNewEnough(version: string): boolean {
  const match = /Python (\d+)\.(\d+)/.exec(version);
  return match !== null && (Number(match[1]) > 3 || (Number(match[1]) === 3 && Number(match[2]) >= 11));
}
