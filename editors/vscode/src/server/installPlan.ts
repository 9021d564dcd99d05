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
  // On macOS and Windows the ordinary build is the one for CPUs. What PyTorch needs comes with the step after it, from
  // where pip looks for everything else.
  const torch: Step[] =
    build === 'cpu' && process.platform === 'linux'
      ? [{ says: 'installing PyTorch for CPUs', command: own, args: [...pip, '--no-deps', '--index-url', CPU_BUILDS, 'torch<2.14'] }]
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

/** What pip is at, of a line that it writes; undefined for what says nothing to a user who waits. */
export function doing(line: string): string | undefined {
  const match = /^(Collecting|Downloading|Installing|Preparing|Building) [^(]*/.exec(line.trim());
  return match === null ? undefined : shortened(match[0].replace(/: (started|finished) *.*$/, '').trim());
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** What the user reads where a step has failed: the program's own last error, where it has told one. */
export function failure(step: Step, output: string): string {
  const errors = output.split(/\r?\n/).filter((line) => /^error: /i.test(line));
  const why = errors.at(-1)?.replace(/^error: /i, '').replace(/\.$/, '');
  return (
    `Neocaret: ${step.says} failed${why === undefined ? '' : `: ${why}`}. The log has all of it. ` +
    'A server that you install yourself is named by neocaret.server.path.'
  );
}

/** Whether `python --version` names a version that the server runs on. */
export function isNewEnough(version: string): boolean {
  const match = /Python (\d+)\.(\d+)/.exec(version);
  return match !== null && (Number(match[1]) > 3 || (Number(match[1]) === 3 && Number(match[2]) >= 11));
}
